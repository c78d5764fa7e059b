"""Beginning anew: for a new epoch, and out of a dead letter."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.outcome import Cancelled, GivenUp, NotFound, Outcome, Throttled
from prograde.domain.professional import Professional, Stage, State, begun_anew, replayed
from prograde.domain.source_health import WAIT_SECONDS_MAX
from prograde.errors import ConflictError
from tests.unit.examples import NEWCOMER, NOW, SELLER
from tests.unit.steps import BROKEN, LAST, MORE, TIMEOUT, after

LATER = NOW + timedelta(minutes=5)
FAILING = replace(
    SELLER,
    page=3,
    cursor="third",
    failures_in_a_row=4,
    unproven_failures=2,
    troubles_in_a_row=3,
    failed_at=NOW,
    refused_at=NOW,
    last_failure="timeout: x",
)


def test_a_new_epoch_gives_a_new_name_and_forgives_failures_and_nothing_else() -> None:
    forgiven = replace(FAILING, failures_in_a_row=0, unproven_failures=0, troubles_in_a_row=0)
    expected = replace(forgiven, wake=1, epoch=7, due_at=LATER, failed_at=None, refused_at=None)

    assert expected == begun_anew(FAILING, LATER, 7)


def test_a_wait_that_the_source_asked_for_is_kept() -> None:
    throttled = after(SELLER, Throttled(600.0))

    assert throttled.due_at == begun_anew(throttled, LATER, 1).due_at > LATER
    assert LATER + timedelta(hours=1) == begun_anew(throttled, LATER + timedelta(hours=1), 1).due_at


def test_a_wait_that_no_source_is_believed_to_ask_for_is_cut() -> None:
    ahead = replace(SELLER, due_at=LATER + timedelta(days=1))

    assert LATER + timedelta(seconds=WAIT_SECONDS_MAX) == begun_anew(ahead, LATER, 1).due_at


@pytest.mark.parametrize("outcome", [BROKEN, GivenUp()], ids=["terminal failure", "source outage"])
def test_a_replayed_professional_goes_on_with_the_page_that_failed(outcome: Outcome) -> None:
    failed = replace(after(after(SELLER, MORE, TIMEOUT), outcome), is_discarded=True)

    there = replayed(failed, LATER, 7)

    assert (State.OPEN, None, False, "", False) == (
        there.state,
        there.stop_reason,
        there.volume_is_floor,
        there.last_failure,
        there.is_discarded,
    )
    assert (failed.step + 1, failed.wake + 1, 7, LATER) == (there.step, there.wake, there.epoch, there.due_at)
    assert (0, 0, None) == (there.failures_in_a_row, there.unproven_failures, there.failed_at)
    assert (failed.stage, 2, "next", failed.calls) == (there.stage, there.page, there.cursor, there.calls)
    assert (failed.aggregate, failed.ledger, failed.profile) == (there.aggregate, there.ledger, there.profile)
    assert State.DONE is after(there, LAST).state


def test_a_replayed_one_waits_for_no_throttling_of_long_ago() -> None:
    failed = after(SELLER, Throttled(3_600.0), GivenUp())

    assert LATER == replayed(replace(failed, due_at=LATER + timedelta(hours=1)), LATER, 1).due_at


def test_who_was_not_found_is_looked_for_again() -> None:
    missing = after(NEWCOMER, NotFound())
    assert "not_found" == missing.failure_cause

    there = replayed(missing, LATER, 7)

    assert (State.OPEN, Stage.PROFILE, 1, None) == (there.state, there.stage, there.page, there.stop_reason)


@pytest.mark.parametrize(
    "professional",
    [SELLER, after(SELLER, LAST), after(SELLER, Cancelled())],
    ids=["open", "done", "cancelled"],
)
def test_only_who_failed_or_was_not_found_is_replayed(professional: Professional) -> None:
    with pytest.raises(ConflictError, match=f"is {professional.state}: only one that failed or was not found"):
        replayed(professional, LATER, 1)
