"""A header's value as a number of seconds from now: seconds, milliseconds, epochs and dates are told apart by size."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAIT_SECONDS_MAX = 10.0**15
"""What a wait beyond belief is passed on as at most: a finite number, which the professional's state machine caps."""

MINUTE, HOUR, DAY, MONTH = 60.0, 3_600.0, 86_400.0, 31 * 86_400.0

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_DATE_LENGTH_MAX = 64
_EPOCH_SECONDS_MIN = 10.0**9  # 2001
_EPOCH_MS_MIN = 10.0**11  # 1973 in milliseconds, 5138 in seconds
_EPOCH_MS_END = 10.0**14


def number(text: str) -> float | None:
    """Read a decimal number, however long; None for anything else."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return max(-WAIT_SECONDS_MAX, min(float(text), WAIT_SECONDS_MAX))


def delta_or_date(text: str, now: datetime) -> float | None:
    """Read seconds or a date, as Retry-After holds them; what is past is 0, what is neither is None."""
    seconds = number(text)
    return _date(text, now) if seconds is None else max(0.0, seconds)


def by_size(text: str, now: datetime, window_seconds: float) -> float | None:
    """
    Read a reset: what is left of a window, or the moment when it ends; what is past is 0, what is neither is None.

    Nothing says which unit it is in. What fits the longest window that the header tells of is seconds; what is too
    small for a moment since 2001 is milliseconds; then come epochs in seconds and in milliseconds.
    """
    value = number(text.strip().strip('"'))
    if value is None:
        return _date(text.strip().strip('"'), now)
    if value <= window_seconds or value >= _EPOCH_MS_END:
        return max(0.0, value)
    if value < _EPOCH_SECONDS_MIN:
        return value / 1_000
    moment = value if value < _EPOCH_MS_MIN else value / 1_000
    return max(0.0, moment - now.timestamp())


def _date(text: str, now: datetime) -> float | None:
    """Read an ISO 8601 or an HTTP date; one without an offset is UTC."""
    if len(text) > _DATE_LENGTH_MAX:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text.strip())
            return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
        except (ArithmeticError, LookupError, TypeError, ValueError):
            continue
    return None
