"""How a batch stands, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.pace import RateLimit
from prograde.entrypoints.standing import limit_text, status_text, waiting_text
from tests.contracts.specimens import BATCH

NOW = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "worked", "not_worked"),
    [
        (BatchStatus.RUNNING, "running", "interrupted"),
        (BatchStatus.PAUSED, "paused", "paused"),
        (
            BatchStatus.DRAINING,
            "draining (who is left ends without a call, then what there is is exported)",
            "interrupted while draining",
        ),
        (
            BatchStatus.FINALIZING,
            "finalizing (checking the figures, grading and writing the export)",
            "interrupted while finalizing",
        ),
        (BatchStatus.COMPLETE, "complete", "complete"),
    ],
)
def test_a_status_says_what_it_means_and_if_nobody_works_on_it(
    status: BatchStatus, worked: str, not_worked: str
) -> None:
    batch = replace(BATCH, status=status)

    assert worked == status_text(batch, is_being_worked=True)
    assert not_worked == status_text(batch, is_being_worked=False)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (RateLimit(20, timedelta(seconds=1)), "20 calls a second"),
        (RateLimit(1, timedelta(hours=1)), "1 call an hour"),
        (RateLimit(40_000, timedelta(days=1)), "40,000 calls a day"),
        (RateLimit(5, timedelta(seconds=90)), "5 calls in 0:01:30"),
    ],
)
def test_a_limit_is_said_as_people_say_it(limit: RateLimit, text: str) -> None:
    assert text == limit_text(limit)


def test_a_wait_beyond_today_names_the_day() -> None:
    assert "waiting until 14:05:00 UTC: why" == waiting_text(NOW + timedelta(minutes=65), NOW, "why")
    assert "waiting until 2026-11-22 13:05 UTC: why" == waiting_text(NOW + timedelta(hours=24, minutes=5), NOW, "why")
