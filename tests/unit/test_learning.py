"""What a batch learns of its source from a step: whom it answered, that it is out, that it is back."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from prograde.domain.advancing import advance
from prograde.domain.batch import Batch, BatchStatus, Waking, resumed
from prograde.domain.learning import learned
from prograde.domain.outcome import (
    Cancelled,
    Denied,
    GivenUp,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Refusal,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.professional import Professional, Stage
from prograde.domain.profile import Profile
from prograde.domain.source_health import ASKED_MIN, THROTTLED_TO_OUTAGE, UNASKED_MAX, Answer, Outage, Pace
from tests.unit.examples import BATCH, NEWCOMER, NOW, PARAMETERS, SELLER
from tests.unit.steps import BROKEN, MORE, PEOPLE, REFUSED, TIMEOUT

ME = SELLER.professional_id
SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=5)
PATIENCE = timedelta(minutes=PARAMETERS.outage_patience_minutes)
ONGOING = replace(BATCH, op=None, epoch=4, wake=7, answers={Stage.HISTORICAL: Answer(NOW, "K8")})
FAILING = replace(SELLER, failures_in_a_row=4, unproven_failures=1, failed_at=NOW + SECOND)
OUTAGES = {"well": None, "probe": Outage(NOW, ME, NOW), "other": Outage(NOW, "K9", NOW)}
ANSWERS: list[Outcome] = [MORE, Proven("K3")]
FAILURES: list[Outcome] = [TIMEOUT, Unproven("K3"), REFUSED, Throttled(None)]
ENDS: list[Outcome] = [BROKEN, Cancelled(), GivenUp()]
EVERYTHING: list[Outcome] = [*ANSWERS, *FAILURES, *ENDS, Denied("401")]


def in_outage(name: str) -> Batch:
    return replace(ONGOING, outage=OUTAGES[name])


def after_step(
    batch: Batch,
    outcome: Outcome,
    professional: Professional = SELLER,
    now: datetime = LATER,
    proof: Answer | None = None,
    sent_at: datetime | None = None,
) -> Batch:
    """Tell what the batch is once the professional has taken a step."""
    stepped = advance(professional, outcome, batch.parameters, now, "raw", proof)
    return learned(batch, professional, stepped, outcome, now, sent_at or now)


def unpaced(batch: Batch) -> Batch:
    """Leave out the pace, and when the probe asks next, which are of no interest here."""
    outage = batch.outage and replace(batch.outage, next_at=NOW)
    return replace(batch, pace=Pace(), outage=outage)


def names(outcomes: list[Outcome]) -> list[str]:
    return ["terminal" if outcome is BROKEN else type(outcome).__name__ for outcome in outcomes]


# --- who is answered


@pytest.mark.parametrize("outcome", ANSWERS, ids=names(ANSWERS))
def test_an_answer_is_noted_in_its_stage(outcome: Outcome) -> None:
    after = after_step(ONGOING, outcome)

    who = "K3" if isinstance(outcome, Proven) else ME
    assert replace(ONGOING, answers={Stage.HISTORICAL: Answer(LATER, who)}) == after


@pytest.mark.parametrize(("stage", "outcome"), [(Stage.PROFILE, ProfilePage(Profile())), (Stage.ACTIVE, MORE)])
def test_each_stage_has_an_answer_of_its_own(stage: Stage, outcome: Outcome) -> None:
    after = after_step(ONGOING, outcome, PEOPLE[stage], NOW + SECOND)

    assert {Stage.HISTORICAL: Answer(NOW, "K8"), stage: Answer(NOW + SECOND, ME)} == after.answers


@pytest.mark.parametrize(("age", "is_noted"), [(SECOND, False), (2 * SECOND, True), (-SECOND, True)])
def test_an_answer_a_moment_after_another_is_not_noted(
    age: timedelta,
    is_noted: bool,  # noqa: FBT001  # a table's column
) -> None:
    after = after_step(ONGOING, MORE, now=NOW + age)

    assert is_noted == (after is not ONGOING)


def test_an_answer_tells_of_the_moment_when_it_was_asked_for() -> None:
    after = after_step(ONGOING, MORE, now=LATER, sent_at=LATER - SECOND)

    assert Answer(LATER - SECOND, ME) == after.answers[Stage.HISTORICAL]


@pytest.mark.parametrize("outcome", [MORE, Proven("K3")], ids=["page", "proof"])
def test_a_slow_answer_does_not_take_the_place_of_one_that_was_asked_for_later(outcome: Outcome) -> None:
    assert ONGOING is after_step(ONGOING, outcome, now=LATER, sent_at=NOW - SECOND)


@pytest.mark.parametrize("who", ["K3", ME], ids=["another", "oneself"])
def test_an_answer_that_was_asked_for_as_a_proof_is_noted_however_fresh_the_last_one_is(who: str) -> None:
    after = after_step(ONGOING, Proven(who), now=NOW + SECOND)

    assert Answer(NOW + SECOND, who) == after.answers[Stage.HISTORICAL]


# --- an outage begins


@pytest.mark.parametrize("outcome", FAILURES, ids=names(FAILURES))
@pytest.mark.parametrize(("unproven", "is_out"), [(0, False), (1, False), (2, True), (50, True)])
def test_three_failures_that_nobody_knows_about_in_a_row_are_an_outage(
    outcome: Outcome,
    unproven: int,
    is_out: bool,  # noqa: FBT001  # a table's column
) -> None:
    waking = replace(ONGOING, waking=Waking(NOW, "K2", 3))

    failing = replace(FAILING, unproven_failures=unproven, troubles_in_a_row=1, last_failure="timeout: first")

    after = unpaced(after_step(waking, outcome, failing))

    causes = {TIMEOUT: "timeout", REFUSED: "client_error", Throttled(None): "throttled"}
    if not is_out:
        assert waking == after
        return
    assert after.outage is not None
    assert replace(waking, waking=None, outage=Outage(LATER, ME, NOW, after.outage.cause)) == after
    assert causes.get(outcome, "timeout") == after.outage.cause.partition(":")[0]


def test_failures_while_others_are_answered_are_no_outage() -> None:
    hopeless = replace(FAILING, failures_in_a_row=99, unproven_failures=2)
    batch = replace(ONGOING, parameters=replace(PARAMETERS, failure_limit=100))

    assert batch is after_step(batch, TIMEOUT, hopeless, proof=Answer(LATER, "K8"))


def test_who_fails_during_an_outage_does_not_become_its_probe() -> None:
    batch = in_outage("other")

    for outcome in FAILURES:
        assert batch == unpaced(after_step(batch, outcome, replace(FAILING, unproven_failures=50)))


def test_who_fails_while_somebody_is_answered_meanwhile_opens_no_outage() -> None:
    failing = replace(FAILING, unproven_failures=2)
    batch = replace(ONGOING, answers={Stage.HISTORICAL: Answer(NOW + 2 * SECOND, "K8")})

    # The step is judged by what was known before the call; the batch has learned of an answer since.
    assert batch is after_step(batch, TIMEOUT, failing)


# --- an outage goes on


@pytest.mark.parametrize("outcome", FAILURES, ids=names(FAILURES))
@pytest.mark.parametrize(
    ("later", "has_patience"),
    [(SECOND, True), (PATIENCE - SECOND, True), (PATIENCE, False), (2 * PATIENCE, False)],
)
def test_a_batch_gives_up_when_its_probe_fails_after_the_patience(
    outcome: Outcome,
    later: timedelta,
    has_patience: bool,  # noqa: FBT001  # a table's column
) -> None:
    now = NOW + later
    batch = replace(ONGOING, outage=Outage(NOW, ME, now - SECOND, "x: y"))

    after = unpaced(after_step(batch, outcome, FAILING, now))

    if has_patience:
        assert after.outage is not None
        assert replace(batch, outage=Outage(NOW, ME, NOW, "x: y", after.outage.turn_id)) == after
        return
    assert (BatchStatus.DRAINING, None, False) == (after.status, after.outage, after.is_cancelled)
    assert "the source answered nobody since 2026-07-01 12:00:00 UTC: x: y" == after.reason
    assert (Waking(now), ONGOING.epoch + 1) == (after.waking, after.epoch)


@pytest.mark.parametrize(("asked", "turn_id"), [("K8", "K2"), ("K3", "K3"), ("K9", "K9")])
def test_whose_turn_it_was_is_noted_but_for_the_one_who_was_answered_last(asked: str, turn_id: str) -> None:
    batch = replace(ONGOING, outage=Outage(NOW, ME, NOW, turn_id="K2"))

    after = unpaced(after_step(batch, Unproven(asked), FAILING, NOW + SECOND))

    assert Outage(NOW, ME, NOW, turn_id=turn_id) == after.outage


def test_a_turn_is_over_too_when_whose_it_was_is_throttled() -> None:
    """Else the probe would ask for that one again and again, and for nobody behind it."""
    batch = replace(ONGOING, outage=Outage(NOW, ME, NOW, turn_id="K2"))

    after = unpaced(after_step(batch, Throttled(None, "K3"), FAILING, NOW + SECOND))

    assert Outage(NOW, ME, NOW, turn_id="K3") == after.outage


@pytest.mark.parametrize("silence", [UNASKED_MAX, timedelta(days=1), -PATIENCE], ids=["long", "a day", "set back"])
def test_of_a_silence_little_counts_and_all_that_was_waited_before_it(silence: timedelta) -> None:
    waited = PATIENCE / 2
    now = NOW + waited + silence
    batch = replace(ONGOING, outage=Outage(NOW, ME, NOW + waited))

    asked = after_step(batch, TIMEOUT, FAILING, now)

    counted = waited + (min(silence, PATIENCE / ASKED_MIN) if silence > timedelta() else timedelta())
    assert replace(batch, outage=Outage(now - counted, ME, NOW)) == unpaced(asked)
    assert asked.outage is not None
    end = now + PATIENCE - counted
    asked = replace(asked, outage=replace(asked.outage, next_at=end))
    assert BatchStatus.DRAINING == after_step(asked, TIMEOUT, FAILING, end).status


def test_a_probe_that_is_late_each_time_comes_to_the_end_of_the_patience() -> None:
    batch, now, times = replace(ONGOING, outage=Outage(NOW, ME, NOW)), NOW, 0
    while batch.status is BatchStatus.RUNNING:
        now, times = now + 2 * PATIENCE, times + 1
        batch = after_step(batch, TIMEOUT, FAILING, now)

    assert ASKED_MIN == times


def test_a_probe_that_comes_before_its_time_has_waited_no_longer_than_it_did() -> None:
    batch = replace(ONGOING, outage=Outage(NOW, ME, NOW + 2 * PATIENCE))

    assert replace(batch, outage=Outage(NOW, ME, NOW)) == unpaced(after_step(batch, TIMEOUT, FAILING, LATER))


def test_when_the_probe_is_to_ask_next_is_noted() -> None:
    after = after_step(in_outage("probe"), Throttled(3_600.0), FAILING, NOW + SECOND)

    assert after.outage is not None
    assert NOW + SECOND + timedelta(hours=1) == after.outage.next_at


@pytest.mark.parametrize("late", [timedelta(), UNASKED_MAX - SECOND])
def test_a_wait_that_the_source_asked_for_counts(late: timedelta) -> None:
    batch = replace(ONGOING, outage=Outage(NOW, ME, NOW + PATIENCE))

    assert BatchStatus.DRAINING == after_step(batch, TIMEOUT, FAILING, NOW + PATIENCE + late).status


def test_nobody_elses_failure_ends_the_patience() -> None:
    batch = in_outage("other")

    assert batch is after_step(batch, TIMEOUT, FAILING, NOW + 2 * PATIENCE)


def test_an_answer_to_somebody_else_is_noted_and_leaves_the_outage_to_its_probe() -> None:
    after = after_step(in_outage("other"), MORE)

    assert (OUTAGES["other"], ME) == (after.outage, after.answers[Stage.HISTORICAL].professional_id)


# --- an outage ends


@pytest.mark.parametrize("outcome", ANSWERS + ENDS, ids=names(ANSWERS + ENDS))
def test_an_outage_ends_when_its_probe_is_answered_or_ends(outcome: Outcome) -> None:
    batch = in_outage("probe")

    after = after_step(batch, outcome)

    assert (BatchStatus.RUNNING, None, Pace(0.1, LATER)) == (after.status, after.outage, after.pace)
    assert (Waking(LATER), 5, 8, LATER) == (after.waking, after.epoch, after.wake, after.due_at)


def test_an_outage_ends_when_its_probe_comes_to_its_failure_limit() -> None:
    after = after_step(in_outage("probe"), TIMEOUT, FAILING, proof=Answer(LATER, "K8"))

    assert (None, 5) == (after.outage, after.epoch)


def test_the_end_of_an_outage_is_noted_as_an_answer_too() -> None:
    after = after_step(in_outage("probe"), Proven("K3"), now=NOW + SECOND)

    assert {Stage.HISTORICAL: Answer(NOW + SECOND, "K3")} == after.answers


@pytest.mark.parametrize("outcome", ENDS, ids=names(ENDS))
@pytest.mark.parametrize("outage", ["well", "other"])
def test_the_end_of_anybody_else_says_nothing_of_the_source(outage: str, outcome: Outcome) -> None:
    batch = in_outage(outage)

    assert batch is after_step(batch, outcome)


# --- throttled, denied, and not running


@pytest.mark.parametrize("outage", ["well", "other"])
def test_being_throttled_halves_the_pace_and_nothing_else(outage: str) -> None:
    batch = in_outage(outage)

    after = after_step(batch, Throttled(9.0))

    assert replace(batch, pace=Pace(0.5, LATER, LATER)) == after
    assert after is after_step(after, Throttled(9.0), now=LATER + SECOND)


def test_throttling_of_everybody_for_half_a_minute_is_an_outage_whoever_is_throttled_then() -> None:
    began = LATER - THROTTLED_TO_OUTAGE
    batch = replace(ONGOING, pace=Pace(0.05, LATER - SECOND, began))

    after = after_step(batch, Throttled(3_600.0))

    outage = Outage(LATER, ME, LATER + timedelta(hours=1), "throttled: the source asks to wait")
    assert replace(batch, outage=outage) == after
    answered = replace(batch, answers={Stage.PROFILE: Answer(began + SECOND, "K8")})
    assert answered is after_step(answered, Throttled(3_600.0))


def test_a_probe_that_is_only_throttled_loses_patience_too() -> None:
    now = NOW + PATIENCE
    batch = replace(ONGOING, outage=Outage(NOW, ME, now - SECOND))

    assert BatchStatus.DRAINING == after_step(batch, Throttled(9.0), now=now).status


@pytest.mark.parametrize("outage", OUTAGES)
def test_being_denied_says_nothing_of_the_source(outage: str) -> None:
    batch = in_outage(outage)

    assert batch is after_step(batch, Denied("401"))


@pytest.mark.parametrize("status", [status for status in BatchStatus if status != "running"])
@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("outcome", EVERYTHING, ids=names(EVERYTHING))
def test_a_batch_that_does_not_run_learns_nothing(outcome: Outcome, outage: str, status: BatchStatus) -> None:
    batch = replace(in_outage(outage), status=status)

    assert batch is after_step(batch, outcome, replace(FAILING, unproven_failures=9), NOW + 2 * PATIENCE)


def test_a_newcomer_who_is_looked_for_and_not_found_is_answered() -> None:
    after = after_step(ONGOING, NotFound(), NEWCOMER)

    assert Answer(LATER, ME) == after.answers[Stage.PROFILE]


@pytest.mark.parametrize("kind", Refusal)
@pytest.mark.parametrize("refused_at", [None, NOW - SECOND], ids=["first", "second"])
def test_a_newcomer_who_is_refused_is_not(kind: Refusal, refused_at: datetime | None) -> None:
    newcomer = replace(NEWCOMER, refused_at=refused_at, failed_at=refused_at)

    after = after_step(ONGOING, Refused(kind, "status"), newcomer, proof=Answer(NOW, "K8"))

    assert Stage.PROFILE not in after.answers


# --- forbidden


FORBIDDEN = Refused(Refusal.FORBIDDEN, "status 403")
NEW = replace(ONGOING, answers={})
ELSEWHERE = replace(ONGOING, answers={Stage.PROFILE: Answer(LATER - SECOND, "K8")})


def test_one_who_is_forbidden_among_others_who_are_answered_stops_nobody() -> None:
    assert ONGOING is after_step(ONGOING, FORBIDDEN)


@pytest.mark.parametrize("batch", [NEW, ELSEWHERE], ids=["never answered", "answered elsewhere"])
def test_three_who_are_forbidden_where_nobody_was_ever_answered_are_the_credentials(batch: Batch) -> None:
    for number in range(2):
        batch = after_step(batch, FORBIDDEN)
        assert (BatchStatus.RUNNING, {Stage.HISTORICAL: number + 1}) == (batch.status, batch.strangers)

    after = after_step(batch, FORBIDDEN)

    assert BatchStatus.PAUSED == after.status
    assert after.reason.startswith("the source refuses the credentials: status 403, whoever is asked for")


@pytest.mark.parametrize(("batch", "is_paused"), [(NEW, True), (ELSEWHERE, False)], ids=["alone", "others elsewhere"])
def test_one_who_is_forbidden_three_times_is_the_credentials_if_nobody_is_answered_anywhere(
    batch: Batch,
    is_paused: bool,  # noqa: FBT001  # a table's column
) -> None:
    twice = replace(SELLER, refused_at=NOW, failed_at=NOW, unproven_failures=2)

    assert is_paused == (after_step(batch, FORBIDDEN, twice).status is BatchStatus.PAUSED)


def test_a_resume_forgets_who_was_forbidden() -> None:
    batch = NEW
    for _ in range(3):
        batch = after_step(batch, FORBIDDEN)

    assert {} == resumed(batch, LATER).strangers
