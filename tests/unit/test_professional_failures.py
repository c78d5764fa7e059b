from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.outcome import Cancelled, Denied, NotFound, Outcome, Throttled
from prograde.domain.professional import (
    BACKOFF_SECONDS_BASE,
    BACKOFF_SECONDS_MAX,
    WAIT_SECONDS_MAX,
    State,
    StopReason,
    backoff_seconds,
)
from tests.unit.examples import NOW, SELLER
from tests.unit.steps import BROKEN, LAST, MORE, PEOPLE, TIMEOUT, after


def test_the_failure_limit_ends_a_row_of_failures_and_not_one_sooner() -> None:
    there = after(SELLER, *[TIMEOUT] * 4)
    assert (State.OPEN, 4) == (there.state, there.failures_in_a_row)

    ended = after(there, TIMEOUT)
    assert (State.FAILED, StopReason.FAILURE_LIMIT) == (ended.state, ended.stop_reason)
    assert "timeout: no answer in 30 s" == ended.last_failure


def test_a_page_ends_a_row_of_failures() -> None:
    there = after(SELLER, *[TIMEOUT] * 4, Throttled(None), MORE, *[TIMEOUT] * 4)

    assert (State.OPEN, 4) == (there.state, there.failures_in_a_row)
    assert (0, 0, "") == (
        (well := after(there, MORE)).failures_in_a_row,
        well.throttled_in_a_row,
        well.last_failure,
    )


def test_throttling_never_spends_the_failure_budget() -> None:
    there = after(replace(SELLER, failures_in_a_row=4), *[Throttled(None)] * 500)

    assert (State.OPEN, 4, 500) == (there.state, there.failures_in_a_row, there.throttled_in_a_row)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (None, 0, BACKOFF_SECONDS_BASE),
        (0.0, 0, BACKOFF_SECONDS_BASE),
        (-5.0, 0, BACKOFF_SECONDS_BASE),
        (float("nan"), 0, BACKOFF_SECONDS_BASE),
        (30.0, 30, 30),
        (1e9, WAIT_SECONDS_MAX, WAIT_SECONDS_MAX),
        (float("inf"), WAIT_SECONDS_MAX, WAIT_SECONDS_MAX),
    ],
)
def test_a_throttled_step_waits_as_asked_within_reason(asked: float | None, least: float, most: float) -> None:
    wait = after(SELLER, Throttled(asked)).due_at - NOW

    assert timedelta(seconds=least) <= wait <= timedelta(seconds=most)


def test_backing_off_grows_to_a_bound_and_is_the_same_in_a_replay() -> None:
    waits = [[backoff_seconds(replace(SELLER, step=step), row) for step in range(500)] for row in (1, 3, 7, 9_999)]

    for row_waits, bound in zip(waits, (1, 4, BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MAX), strict=True):
        assert bound * 0.9 < max(row_waits) < bound
        assert 0 <= min(row_waits) < bound * 0.1, "the jitter is full"
    assert waits[0] == [backoff_seconds(replace(SELLER, step=step), 1) for step in range(500)]


def test_a_failure_is_asked_again_after_a_backoff_and_a_page_at_once() -> None:
    failed = after(SELLER, TIMEOUT)

    assert NOW < failed.due_at <= NOW + timedelta(seconds=BACKOFF_SECONDS_BASE)
    assert NOW == after(failed, MORE).due_at


def test_denied_changes_nothing() -> None:
    for professional in PEOPLE.values():
        assert professional == after(professional, Denied("401"))


@pytest.mark.parametrize(
    "outcome", [MORE, TIMEOUT, BROKEN, Throttled(9.0), NotFound(), Cancelled(), Denied("401")], ids=range(7)
)
def test_a_final_state_is_final(outcome: Outcome) -> None:
    done = after(SELLER, LAST)

    assert done == after(done, outcome)
