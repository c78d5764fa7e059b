"""Whose a failure is: a professional's own only while the source answers others."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle, islice

import pytest

from prograde.domain.blame import (
    BACKOFF_SECONDS_BASE,
    BACKOFF_SECONDS_MAX,
    PROBE_SECONDS_MAX,
    TROUBLES_LIMIT,
    backoff_seconds,
)
from prograde.domain.outcome import (
    Cancelled,
    Denied,
    NotFound,
    Outcome,
    Proven,
    Refusal,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.professional import Professional, Stage, State, StopReason
from prograde.domain.source_health import ANSWER_EVERY, WAIT_SECONDS_MAX, Answer
from tests.unit.examples import NOW, PARAMETERS, SELLER
from tests.unit.steps import BROKEN, LAST, MORE, PEOPLE, REFUSED, TIMEOUT, after

SECOND = timedelta(seconds=1)
FAILED_ONCE = replace(SELLER, failures_in_a_row=1, failed_at=NOW)
UNPROVEN = replace(FAILED_ONCE, unproven_failures=1)


def failing_beside_others(professional: Professional, times: int, limit: int = 5) -> Professional:
    """Fail a second apart, the source answering somebody else in between."""
    parameters = replace(PARAMETERS, failure_limit=limit)
    for _ in range(times):
        now = (professional.failed_at or NOW) + SECOND
        answer = Answer(now - SECOND / 2, "K2")
        professional = after(professional, TIMEOUT, parameters=parameters, now=now, answer=answer)
    return professional


# --- while the source answers others


@pytest.mark.parametrize("limit", [2, 5, 100])
def test_the_failure_limit_ends_a_row_of_failures_and_not_one_sooner(limit: int) -> None:
    there = failing_beside_others(SELLER, limit - 1, limit)
    assert (State.OPEN, limit - 1, 0) == (there.state, there.failures_in_a_row, there.unproven_failures)

    ended = failing_beside_others(there, 1, limit)
    assert (State.FAILED, StopReason.FAILURE_LIMIT, limit) == (ended.state, ended.stop_reason, ended.failures_in_a_row)
    assert ("timeout", "timeout: no answer in 30 s") == (ended.failure_cause, ended.last_failure)


def test_a_first_failure_ends_nobody_even_at_a_limit_of_one() -> None:
    there = failing_beside_others(SELLER, 1, limit=1)

    assert (State.OPEN, 1) == (there.state, there.failures_in_a_row)
    assert StopReason.FAILURE_LIMIT is failing_beside_others(there, 1, limit=1).stop_reason


def test_a_page_ends_a_row_of_failures() -> None:
    there = failing_beside_others(after(failing_beside_others(SELLER, 4), Throttled(None), MORE), 4)

    assert (State.OPEN, 4) == (there.state, there.failures_in_a_row)
    well = after(replace(there, unproven_failures=2), MORE)
    assert (0, 0, None, 0, "") == (
        well.failures_in_a_row,
        well.unproven_failures,
        well.failed_at,
        well.troubles_in_a_row,
        well.last_failure,
    )


def test_a_terminal_failure_needs_no_proof_for_the_source_itself_was_heard() -> None:
    assert StopReason.TERMINAL_FAILURE is after(SELLER, BROKEN).stop_reason


# --- while nobody knows


def test_without_proof_no_row_of_failures_ends_anybody() -> None:
    there = after(SELLER, *[TIMEOUT] * 500)

    assert (State.OPEN, 1, 499) == (there.state, there.failures_in_a_row, there.unproven_failures)


@pytest.mark.parametrize(
    ("answered_at", "is_own"),
    [
        (NOW - SECOND, False),
        (NOW, False),
        (NOW + timedelta(microseconds=1), True),
        (NOW + SECOND, True),
        (NOW + SECOND + timedelta(microseconds=1), False),
    ],
    ids=["before the failure", "with it", "after it", "just now", "from the future"],
)
def test_a_failure_is_own_if_the_source_answered_since_the_one_before(
    answered_at: datetime,
    is_own: bool,  # noqa: FBT001  # a table's column
) -> None:
    there = after(FAILED_ONCE, TIMEOUT, now=NOW + SECOND, answer=Answer(answered_at, "K2"))

    assert ((2, 0) if is_own else (1, 1)) == (there.failures_in_a_row, there.unproven_failures)
    assert NOW + SECOND == there.failed_at


def test_a_failure_of_its_own_forgives_those_that_nobody_knew_about() -> None:
    there = after(replace(UNPROVEN, unproven_failures=2), TIMEOUT, now=NOW + SECOND, answer=Answer(NOW + SECOND, "K2"))

    assert (2, 0) == (there.failures_in_a_row, there.unproven_failures)


@pytest.mark.parametrize(
    ("professional", "answer", "needs_proof"),
    [
        (SELLER, Answer(NOW, "K2"), False),
        (FAILED_ONCE, Answer(NOW, "K2"), False),
        (UNPROVEN, Answer(NOW, "K2"), True),
        (UNPROVEN, None, True),
        (UNPROVEN, Answer(NOW + SECOND, "K2"), False),
        (UNPROVEN, Answer(NOW + 2 * SECOND, "K2"), True),
    ],
    ids=["well", "failed once", "not since", "never", "since", "from the future"],
)
def test_proof_is_needed_once_it_is_open_whose_a_failure_is(
    professional: Professional,
    answer: Answer | None,
    needs_proof: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert needs_proof == professional.needs_proof(answer, NOW + SECOND)


def test_a_proof_keeps_the_row_and_the_own_page_is_asked_again_at_once() -> None:
    there = after(replace(UNPROVEN, page=2, cursor="second"), Proven("K2"), now=NOW + SECOND)

    assert (1, 0, NOW + SECOND) == (there.failures_in_a_row, there.unproven_failures, there.due_at)
    assert (2, "second", UNPROVEN.step + 1, UNPROVEN.calls + 1) == (there.page, there.cursor, there.step, there.calls)
    assert () == there.ledger


def test_a_proof_that_fails_is_one_more_failure_that_nobody_knows_about() -> None:
    there = after(UNPROVEN, Unproven("K2"), now=NOW + SECOND)

    assert (1, 2, NOW + SECOND) == (there.failures_in_a_row, there.unproven_failures, there.failed_at)
    assert NOW + SECOND < there.due_at <= NOW + 5 * SECOND
    assert State.OPEN is after(there, *[Unproven("K2")] * 500).state


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_alone_at_a_source_that_answers_one_page_and_never_the_next_a_professional_fails_by_proofs(limit: int) -> None:
    parameters, answer, there, now = replace(PARAMETERS, failure_limit=limit), Answer(NOW, "K1"), SELLER, NOW
    while not there.is_final:
        now += SECOND
        outcome: Outcome = TIMEOUT
        if there.needs_proof(answer, now):
            outcome, answer = Proven("K1"), Answer(now, "K1")
        there = after(there, outcome, parameters=parameters, now=now, answer=answer)

    assert StopReason.FAILURE_LIMIT is there.stop_reason
    assert 1 + 3 * max(1, limit - 1) == there.calls, "two more calls for each failure that counts"


def test_a_clock_that_was_set_back_proves_nothing_until_the_next_failure() -> None:
    earlier = NOW - timedelta(hours=1)
    answer = Answer(earlier, "K2")
    assert UNPROVEN.needs_proof(answer, earlier)

    there = after(UNPROVEN, TIMEOUT, now=earlier, answer=answer)

    assert earlier == there.failed_at
    assert not there.needs_proof(Answer(earlier + SECOND, "K2"), earlier + SECOND)


# --- refused


def test_a_first_refusal_ends_nobody_and_is_asked_about_once_others_answers_are_noted() -> None:
    there = after(SELLER, REFUSED, answer=Answer(NOW, "K2"))

    assert (State.OPEN, 0, 1, NOW, NOW) == (
        there.state,
        there.failures_in_a_row,
        there.unproven_failures,
        there.failed_at,
        there.refused_at,
    )
    assert NOW + ANSWER_EVERY <= there.due_at <= NOW + ANSWER_EVERY + SECOND
    assert "client_error" == there.failure_cause


@pytest.mark.parametrize(
    ("answered_at", "is_own"),
    [(NOW, False), (NOW + SECOND, True), (NOW + 2 * SECOND, True), (NOW + 3 * SECOND, False), (None, False)],
    ids=["with the first", "in between", "just now", "from the future", "never"],
)
def test_a_second_refusal_ends_it_if_the_source_answered_in_between(
    answered_at: datetime | None,
    is_own: bool,  # noqa: FBT001  # a table's column
) -> None:
    answer = None if answered_at is None else Answer(answered_at, "K2")

    there = after(after(SELLER, REFUSED), REFUSED, now=NOW + 2 * SECOND, answer=answer)

    assert (StopReason.TERMINAL_FAILURE if is_own else None) == there.stop_reason
    assert (1 if is_own else 2) == there.unproven_failures


def test_without_an_answer_in_between_no_row_of_refusals_ends_anybody() -> None:
    outcomes: list[Outcome] = [REFUSED, TIMEOUT, Unproven("K2")]

    there = after(SELLER, *outcomes * 200)

    assert (State.OPEN, NOW) == (there.state, there.refused_at)


def test_refused_in_another_way_is_refused_for_the_first_time() -> None:
    missing = after(SELLER, Refused(Refusal.NOT_FOUND, "status 404"))
    answer, later = Answer(NOW + SECOND, "K2"), NOW + 2 * SECOND

    there = after(missing, REFUSED, now=later, answer=answer)

    assert (State.OPEN, later) == (there.state, there.refused_at)


def test_a_failure_is_no_first_refusal() -> None:
    failed = after(SELLER, TIMEOUT)

    assert State.OPEN is after(failed, REFUSED, now=NOW + 2 * SECOND, answer=Answer(NOW + SECOND, "K2")).state


def test_a_page_ends_a_row_of_refusals() -> None:
    there = after(SELLER, REFUSED, MORE)

    assert None is there.refused_at
    assert State.OPEN is after(there, REFUSED, now=NOW + 2 * SECOND, answer=Answer(NOW + SECOND, "K2")).state


def test_a_profile_that_is_refused_as_not_found_is_not_found() -> None:
    missing = Refused(Refusal.NOT_FOUND, "status 404")

    for stage, state in ((Stage.PROFILE, State.NOT_FOUND), (Stage.ACTIVE, State.FAILED)):
        there = after(PEOPLE[stage], missing)
        there = after(there, missing, now=NOW + 2 * SECOND, answer=Answer(NOW + SECOND, "K2"))
        assert (state, "not_found: status 404") == (there.state, there.last_failure)


# --- throttled and waiting


def throttled_beside_others(professional: Professional, times: int) -> Professional:
    """Be throttled a minute apart, the source answering somebody else in between."""
    for _ in range(times):
        now = (professional.failed_at or NOW) + 60 * SECOND
        professional = after(professional, Throttled(None), now=now, answer=Answer(now - SECOND, "K2"))
    return professional


def test_throttling_never_spends_the_failure_budget() -> None:
    there = throttled_beside_others(replace(UNPROVEN, failures_in_a_row=4), TROUBLES_LIMIT - 1)

    assert (State.OPEN, 4, 0, TROUBLES_LIMIT - 1) == (
        there.state,
        there.failures_in_a_row,
        there.unproven_failures,
        there.troubles_in_a_row,
    )


def test_who_alone_is_throttled_without_end_fails_for_it_and_not_one_answer_sooner() -> None:
    there = throttled_beside_others(SELLER, TROUBLES_LIMIT)

    assert (StopReason.FAILURE_LIMIT, "throttled") == (there.stop_reason, there.failure_cause)
    assert State.OPEN is throttled_beside_others(SELLER, TROUBLES_LIMIT - 1).state


def test_while_nobody_is_answered_no_row_of_throttling_ends_anybody() -> None:
    there = after(SELLER, *[Throttled(None)] * 500)

    assert (State.OPEN, 1, 499) == (there.state, there.troubles_in_a_row, there.unproven_failures)


@pytest.mark.parametrize("outcome", [Proven("K2"), Unproven("K2")], ids=["answered", "failed"])
def test_a_proof_keeps_a_row_of_throttling(outcome: Outcome) -> None:
    assert 3 == after(replace(UNPROVEN, troubles_in_a_row=3), outcome).troubles_in_a_row


def test_a_page_ends_a_row_of_throttling() -> None:
    assert 0 == after(throttled_beside_others(SELLER, 3), MORE).troubles_in_a_row


# --- by turns

FORBIDDEN = Refused(Refusal.FORBIDDEN, "status 403")
MISSING = Refused(Refusal.NOT_FOUND, "status 404")


def answered_by_turns(times: int, *outcomes: Outcome, limit: int = 5) -> Professional:
    """Meet one trouble after the other, a minute apart, the source answering somebody else in between."""
    there = SELLER
    for outcome in islice(cycle(outcomes), times):
        now = (there.failed_at or NOW) + 60 * SECOND
        parameters = replace(PARAMETERS, failure_limit=limit)
        there = after(there, outcome, parameters=parameters, now=now, answer=Answer(now - SECOND, "K2"))
    return there


@pytest.mark.parametrize(
    "outcomes",
    [(MISSING, FORBIDDEN), (MISSING, Throttled(None)), (TIMEOUT, MISSING, Throttled(None)), (FORBIDDEN, TIMEOUT)],
    ids=["two refusals", "refused and throttled", "all kinds", "refused and failing"],
)
def test_who_meets_troubles_by_turns_ends_at_their_limit_and_not_one_sooner(outcomes: tuple[Outcome, ...]) -> None:
    ended = answered_by_turns(TROUBLES_LIMIT, *outcomes, limit=20)

    assert (State.FAILED, StopReason.FAILURE_LIMIT) == (ended.state, ended.stop_reason)
    assert State.OPEN is answered_by_turns(TROUBLES_LIMIT - 1, *outcomes, limit=20).state


def test_troubles_of_all_kinds_end_nobody_before_failures_alone_would() -> None:
    assert State.OPEN is answered_by_turns(99, MISSING, FORBIDDEN, limit=100).state
    assert State.FAILED is answered_by_turns(100, MISSING, FORBIDDEN, limit=100).state


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


@pytest.mark.parametrize("outcome", [TIMEOUT, Unproven("K2")], ids=["own page", "proof"])
def test_a_source_that_may_be_out_is_asked_again_after_a_backoff_of_half_a_minute_at_most(outcome: Outcome) -> None:
    for unproven, bound in ((0, 2.0), (2, 8.0), (20, PROBE_SECONDS_MAX)):
        row = replace(FAILED_ONCE, unproven_failures=unproven)
        waits = [(after(replace(row, step=step), outcome).due_at - NOW).total_seconds() for step in range(200)]
        assert bound * 0.9 < max(waits) <= bound


def test_a_failure_is_asked_again_after_a_backoff_and_a_page_at_once() -> None:
    failed = after(SELLER, TIMEOUT)

    assert NOW < failed.due_at <= NOW + timedelta(seconds=BACKOFF_SECONDS_BASE)
    assert NOW == after(failed, MORE).due_at


# --- what changes nothing


def test_denied_changes_nothing() -> None:
    for professional in PEOPLE.values():
        assert professional == after(professional, Denied("401"))


@pytest.mark.parametrize(
    "outcome",
    [
        MORE,
        TIMEOUT,
        BROKEN,
        REFUSED,
        Throttled(9.0),
        NotFound(),
        Proven("K2"),
        Unproven("K2"),
        Cancelled(),
        Denied("401"),
    ],
    ids=range(10),
)
def test_a_final_state_is_final(outcome: Outcome) -> None:
    done = after(SELLER, LAST)

    assert done == after(done, outcome)
