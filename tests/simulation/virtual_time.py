"""Moments as seconds since the beginning of a run, and back."""

from datetime import UTC, datetime, timedelta

BEGINNING = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def seconds_of(moment: datetime) -> float:
    """Count the seconds since the beginning of the run."""
    return (moment - BEGINNING).total_seconds()


def moment_of(seconds: float) -> datetime:
    """Undo `seconds_of`, to the microsecond."""
    return BEGINNING + timedelta(seconds=seconds)
