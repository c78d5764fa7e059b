"""An outage of the source: nobody fails of it, one probe asks while it is open, and it ends for everybody at once."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from prograde.domain.batch import BatchStatus, Parameters
from prograde.domain.effects import SoundingTask
from prograde.domain.outcome import Answered, Denied, Failure, ProfilePage, Refusal, Refused, Throttled
from prograde.domain.professional import Professional, Stage, State, StopReason
from prograde.domain.profile import Profile
from prograde.domain.source_health import Pace
from prograde.ports import PageRequest
from tests.contracts.specimens import NOON, PARAMETERS, SECOND
from tests.use_cases.bench import Bench, opened
from tests.use_cases.outages import BAD_REQUEST, BROKEN, DOWN, MISSING, broken_for, long_histories, out
from tests.use_cases.scripted_source import only_page

ROSTER = tuple(f"A{number}" for number in range(6))
PATIENCE = timedelta(minutes=10)
IMPATIENT = replace(PARAMETERS, outage_patience_minutes=10)
FOR_EVER = timedelta(days=1)


KINDS: dict[str, Answered] = {
    "down": DOWN,
    "redirected": Refused(Refusal.REDIRECT, "status 302 points elsewhere"),
    "refused": BAD_REQUEST,
    "missing": MISSING,
    "throttled": Throttled(None),
    "told to wait": Throttled(45.0),
}
"""What a source that is out may answer, or the gateway before it."""


def begin(
    bench: Bench, begins: timedelta, lasts: timedelta, parameters: Parameters = IMPATIENT, instead: Answered = DOWN
) -> None:
    """Start a batch at whose source each call takes a tenth of a second, and which is out for a while."""
    bench.source.seconds_a_call = 0.1
    bench.source.answering = out(bench.clock, NOON + begins, lasts, long_histories(3), instead)
    bench.start(*ROSTER, parameters=parameters)


@pytest.fixture
def outage(bench: Bench) -> Bench:
    """Give a bench whose source is out from the second second on, and whose batch has noticed."""
    begin(bench, SECOND, FOR_EVER)
    bench.run_until(lambda: bench.batch().outage is not None)
    return bench


def told(failure: Failure) -> str:
    return f"{failure.cause}: {failure.detail}"


def come_back(bench: Bench) -> None:
    bench.source.answering = long_histories(3)


def probe(bench: Bench) -> Professional:
    stored = bench.batch().outage
    assert stored is not None
    return bench.professional(stored.probe_id)


def open_people(bench: Bench) -> list[Professional]:
    return [who for who in bench.people() if not who.is_final]


# --- nobody fails of it


@pytest.mark.parametrize(
    ("kind", "begins", "lasts"),
    [
        *(("down", begins, lasts) for begins in (0.0, 0.35, 1.25, 2.0) for lasts in (0.25, 1.0, 5.0, 60.0, 500.0)),
        *((kind, begins, lasts) for kind in KINDS if kind != "down" for begins, lasts in ((0.0, 5.0), (1.25, 500.0))),
    ],
)
def test_an_outage_shorter_than_the_patience_changes_nothing_in_the_end(
    tmp_path: Path, kind: str, begins: float, lasts: float
) -> None:
    digests = []
    for span in (timedelta(), timedelta(seconds=lasts)):
        with opened(tmp_path / str(span)) as bench:
            begin(bench, timedelta(seconds=begins), span, instead=KINDS[kind])
            batch = bench.run()
            digests.append(batch.export_digest)

            assert (BatchStatus.COMPLETE, "", None) == (batch.status, batch.reason, batch.outage)
            assert {State.DONE} == {who.state for who in bench.people()}
            assert [] == bench.misbooked()

    assert digests[0] == digests[1]


def test_an_outage_that_is_over_before_three_failures_in_a_row_is_none(bench: Bench) -> None:
    begin(bench, SECOND, SECOND / 2)

    batch = bench.run()

    assert (BatchStatus.COMPLETE, 0) == (batch.status, batch.epoch)
    assert any(who.calls > len(who.ledger) for who in bench.people()), "some were hit"
    assert {0} == {who.wake for who in bench.people()}


def test_an_outage_of_one_stage_fails_nobody_either(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = lambda request: (
        DOWN if request.stage is Stage.HISTORICAL and bench.clock.now() < NOON + 60 * SECOND else only_page(request)
    )
    bench.start(*ROSTER, parameters=IMPATIENT)

    assert BatchStatus.COMPLETE == bench.run().status
    assert {State.DONE} == {who.state for who in bench.people()}


def test_an_answer_that_was_under_way_when_the_outage_began_fails_nobody(bench: Bench) -> None:
    begin(bench, timedelta(), 60 * SECOND)
    bench.source.script = [ProfilePage(Profile())]

    def fail_meanwhile() -> None:
        bench.deliver(bench.task("A1"))
        bench.clock.sleep(0.1)

    bench.source.in_flight = [fail_meanwhile]

    bench.deliver(bench.task("A0"))

    failed_at = bench.professional("A1").failed_at
    assert failed_at is not None
    assert not bench.batch().answers[Stage.PROFILE].proves(failed_at, bench.clock.now())
    assert BatchStatus.COMPLETE == bench.run().status
    assert {State.DONE} == {who.state for who in bench.people()}


# --- while it is open


def test_only_the_probe_asks_while_the_outage_is_open(outage: Bench) -> None:
    calls, probe_before = len(outage.source.requests), probe(outage)
    ends_at = NOON + 5 * 60 * SECOND
    outage.run_until(lambda: outage.clock.now() > ends_at)
    come_back(outage)
    outage.run_until(lambda: outage.batch().outage is None)

    made = len(outage.source.requests) - calls
    assert made == outage.professional(probe_before.professional_id).calls - probe_before.calls
    assert 10 <= made <= 60, "every half minute at the most, and not much oftener"
    others = [who for who in outage.people() if who.professional_id != probe_before.professional_id]
    assert {0} == {who.wake for who in others}


def test_the_probe_asks_for_a_page_that_was_answered_before(outage: Bench) -> None:
    asked = len(outage.source.requests)
    answered = outage.batch().answers[probe(outage).stage]

    outage.run_until(lambda: len(outage.source.requests) > asked)

    request = outage.source.requests[-1]
    assert (answered.professional_id, probe(outage).stage, 1, None) == (
        request.professional_id,
        request.stage,
        request.page,
        request.cursor,
    )


def test_a_task_of_anybody_else_is_acknowledged_unworked(outage: Bench) -> None:
    other = next(who for who in open_people(outage) if who != probe(outage))
    outage.due()
    calls = len(outage.source.requests)

    outage.deliver(outage.task(other.professional_id))

    assert calls == len(outage.source.requests)
    assert other == outage.professional(other.professional_id)
    assert [] == outage.due()


def test_supervise_wakes_the_probe_that_lost_its_task_and_nobody_else(outage: Bench) -> None:
    who, wake = probe(outage).professional_id, probe(outage).wake
    outage.due_later()
    outage.clock.sleep(600.0)
    outage.deliver(SoundingTask("north", outage.clock.now(), outage.clock.now()))

    outage.supervise()

    assert {outage.task(who)} == outage.due_pages()
    assert {who: wake + 1} == {each.professional_id: each.wake for each in outage.people() if each.wake}


def test_supervise_leaves_a_probe_that_waits_for_its_time_alone(outage: Bench) -> None:
    before = probe(outage)
    outage.clock.sleep(600.0)
    outage.deliver(SoundingTask("north", before.due_at + 119 * SECOND, outage.clock.now()))

    outage.supervise()

    assert before == probe(outage)


def test_refused_credentials_pause_the_batch_in_an_outage_too(outage: Bench) -> None:
    outage.source.script = [Denied("401 Unauthorized")]

    outage.run_until(lambda: outage.batch().status is BatchStatus.PAUSED)

    assert outage.batch().outage is None
    come_back(outage)
    outage.resume()
    assert BatchStatus.COMPLETE == outage.run().status


# --- when it ends


def test_the_end_wakes_everybody_unfinished_once_forgives_their_failures_and_begins_slowly(outage: Bench) -> None:
    assert any(who.failures_in_a_row for who in open_people(outage))
    wakes = {who.professional_id: who.wake for who in outage.people()}
    epoch = outage.batch().epoch
    come_back(outage)
    outage.run_until(lambda: outage.batch().outage is None)
    batch = outage.batch()
    before_waking = len(outage.source.requests)

    outage.wake()

    assert (epoch + 1, Pace(0.1, batch.pace.since)) == (batch.epoch, batch.pace)
    assert {True} == {
        (who.wake, who.epoch) == (wakes[who.professional_id] + 1, epoch + 1) for who in open_people(outage)
    }
    assert {(0, 0, None)} == {
        (who.failures_in_a_row, who.unproven_failures, who.failed_at) for who in open_people(outage)
    }
    assert BatchStatus.COMPLETE == outage.run().status
    shares = outage.source.shares[before_waking:]
    assert 0.1 <= shares[0] < 0.11
    assert sorted(shares) == shares
    assert [] == outage.misbooked()
    assert () == outage.differences()


def test_the_probe_may_end_the_outage_by_ending(bench: Bench) -> None:
    begin(bench, timedelta(), FOR_EVER)
    bench.run_until(lambda: bench.batch().outage is not None)
    who = probe(bench).professional_id
    come_back(bench)
    # Whatever the probe asks for first: its own page brings its end.
    last = replace(BROKEN, is_terminal=True)
    bench.source.answering = lambda request: last if request.professional_id == who else only_page(request)

    batch = bench.run()

    assert BatchStatus.COMPLETE == batch.status
    assert {who: State.FAILED} == {
        each.professional_id: each.state for each in bench.people() if each.state is not State.DONE
    }
    assert [] == bench.misbooked()


def test_a_professional_that_breaks_the_source_may_be_the_probe_and_fails_alone_in_the_end(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    mended = broken_for("A3", Stage.HISTORICAL, 2, long_histories(3))
    bench.source.answering = out(bench.clock, NOON + 2 * SECOND, 60 * SECOND, mended)
    bench.start(*ROSTER, parameters=IMPATIENT)

    batch = bench.run()

    assert (BatchStatus.COMPLETE, None) == (batch.status, batch.outage)
    assert {"A3": StopReason.FAILURE_LIMIT} == {
        who.professional_id: who.stop_reason for who in bench.people() if who.state is not State.DONE
    }


def test_two_outages_are_two_epochs(bench: Bench) -> None:
    begin(bench, SECOND, 30 * SECOND)
    again = out(bench.clock, NOON + 60 * SECOND, 30 * SECOND, long_histories(19))
    bench.source.answering = out(bench.clock, NOON + SECOND, 30 * SECOND, again)
    bench.source.seconds_a_call = 1.0

    batch = bench.run()

    assert (BatchStatus.COMPLETE, 2) == (batch.status, batch.epoch)


# --- pause and cancel


def test_a_pause_during_an_outage_makes_no_call_until_the_resume_which_begins_anew(outage: Bench) -> None:
    outage.pause()
    calls = len(outage.source.requests)
    outage.run()
    assert calls == len(outage.source.requests)

    come_back(outage)
    outage.resume()

    assert BatchStatus.COMPLETE == outage.run().status
    assert {State.DONE} == {who.state for who in outage.people()}


def test_an_outage_that_goes_on_after_a_resume_is_noticed_again_with_all_the_patience(outage: Bench) -> None:
    outage.pause()
    outage.clock.sleep(3_600.0)
    outage.resume()
    resumed_at = outage.clock.now()

    outage.run_until(lambda: outage.batch().outage is not None)

    assert (BatchStatus.RUNNING, True) == (outage.batch().status, outage.batch().outage.since > resumed_at)  # type: ignore[union-attr]


def test_a_cancel_during_an_outage_ends_everybody_without_a_call(outage: Bench) -> None:
    unfinished = {who.professional_id for who in open_people(outage)}
    calls = len(outage.source.requests)
    outage.cancel()

    batch = outage.run()

    assert (BatchStatus.CANCELLED, None) == (batch.status, batch.outage)
    assert unfinished == {who.professional_id for who in outage.people() if who.state is State.CANCELLED}
    assert calls == len(outage.source.requests)
    assert outage.manifest()["is_cancelled"]
    assert [] == outage.misbooked()


# --- longer than the patience


def test_a_batch_gives_up_after_the_patience_and_fails_everybody_unfinished_without_a_call(outage: Bench) -> None:
    unfinished = {who.professional_id for who in open_people(outage)}
    since: datetime = outage.batch().outage.since  # type: ignore[union-attr]
    outage.run_until(lambda: outage.batch().status is not BatchStatus.RUNNING)
    given_up_at, calls = outage.clock.now(), len(outage.source.requests)

    batch = outage.run()

    assert PATIENCE <= given_up_at - since <= PATIENCE + 31 * SECOND
    assert (BatchStatus.INCOMPLETE, False) == (batch.status, batch.is_cancelled)
    assert f"the source answered nobody since {since:%Y-%m-%d %H:%M:%S} UTC: {told(DOWN)}" == batch.reason
    assert unfinished == {who.professional_id for who in outage.people() if who.state is State.FAILED}
    assert {StopReason.SOURCE_OUTAGE} == {who.stop_reason for who in outage.people() if who.state is State.FAILED}
    assert calls == len(outage.source.requests)
    assert [] == outage.misbooked()
    assert () == outage.differences()
    assert not outage.manifest()["is_cancelled"]
    assert ["running", "draining", "finalizing", "incomplete"] == outage.statuses()


def test_without_patience_a_batch_gives_up_at_the_probes_first_failure(bench: Bench) -> None:
    begin(bench, timedelta(), FOR_EVER, replace(PARAMETERS, outage_patience_minutes=0))
    bench.run_until(lambda: bench.batch().outage is not None)
    calls = len(bench.source.requests)

    batch = bench.run()

    assert (BatchStatus.INCOMPLETE, calls + 1) == (batch.status, len(bench.source.requests))


def test_who_had_ended_before_keeps_the_grade(bench: Bench) -> None:
    begin(bench, 2.75 * SECOND, FOR_EVER)

    batch = bench.run()

    done = [who for who in bench.people() if who.state is State.DONE]
    assert BatchStatus.INCOMPLETE == batch.status
    assert 0 < len(done) < len(ROSTER)
    graded = (bench.exports()[-1] / "graded.csv").read_text()
    assert len(done) == len(graded.splitlines()) - 1


@pytest.mark.parametrize("kind", ["down", "throttled", "told to wait"])
def test_a_source_that_never_answers_anybody_is_given_up_too_and_says_what_came_instead(
    bench: Bench, kind: str
) -> None:
    begin(bench, timedelta(), FOR_EVER, instead=KINDS[kind])

    batch = bench.run()

    assert BatchStatus.INCOMPLETE == batch.status
    assert {StopReason.SOURCE_OUTAGE} == {who.stop_reason for who in bench.people()}
    assert len(bench.source.requests) < 120
    assert f"UTC: {'unavailable' if kind == 'down' else 'throttled'}: " in batch.reason


def test_a_batch_of_one_whom_the_source_never_answers_waits_for_the_patience_to_end(bench: Bench) -> None:
    bench.source.answering = broken_for("A1", Stage.ACTIVE)
    bench.start("A1", parameters=IMPATIENT)

    batch = bench.run()

    assert (BatchStatus.INCOMPLETE, StopReason.SOURCE_OUTAGE) == (batch.status, bench.professional("A1").stop_reason)


# --- throttled


def test_being_throttled_now_and_then_is_no_outage(bench: Bench) -> None:
    bench.source.script = [Throttled(None)] * 12
    bench.start(*ROSTER)

    batch = bench.run()

    assert (BatchStatus.COMPLETE, 0) == (batch.status, batch.epoch)


def test_an_honest_wait_of_an_hour_costs_no_dead_letter(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = out(bench.clock, NOON + SECOND, 3_000 * SECOND, long_histories(3), Throttled(3_600.0))
    bench.start(*ROSTER, parameters=replace(PARAMETERS, outage_patience_minutes=61))

    batch = bench.run()

    assert (BatchStatus.COMPLETE, "") == (batch.status, batch.reason)
    assert {State.DONE} == {who.state for who in bench.people()}


# --- a probe and a witness that are broken themselves


def test_an_outage_ends_though_the_source_fails_the_probe_and_whom_it_answered_last_for_good(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    broken: set[str] = set()

    def answer(request: PageRequest) -> Answered:
        return BROKEN if request.professional_id in broken else long_histories(3)(request)

    bench.source.answering = out(bench.clock, NOON + SECOND, 30 * SECOND, answer)
    bench.start(*ROSTER, parameters=IMPATIENT)
    bench.run_until(lambda: bench.batch().outage is not None)
    witness = bench.batch().answers[probe(bench).stage].professional_id
    first = probe(bench).professional_id
    broken |= {first, witness}

    batch = bench.run()

    assert BatchStatus.COMPLETE == batch.status
    assert {first} <= {who.professional_id for who in bench.people() if who.state is State.FAILED} <= broken
    assert {StopReason.FAILURE_LIMIT} == {who.stop_reason for who in bench.people() if who.state is State.FAILED}


def test_in_an_outage_everybody_is_asked_for_in_turn_beside_the_probe_and_whom_it_answered_last(outage: Bench) -> None:
    calls = len(outage.source.requests)
    known = {probe(outage).professional_id, outage.batch().answers[probe(outage).stage].professional_id}

    outage.run_until(lambda: len(outage.source.requests) == calls + 24)

    asked = [request.professional_id for request in outage.source.requests[calls:]]
    turns = [who for who in asked if who not in known]
    others = sorted(set(ROSTER) - known)
    assert (others * 3)[: len(turns)] == turns
    assert 8 == len(turns)
    assert 16 == sum(who in known for who in asked)
