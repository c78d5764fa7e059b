"""What a status refuses: asked about once more, and the professional's own end only if others are answered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.blame import TROUBLES_LIMIT
from prograde.domain.outcome import Answered, NotFound, Refused, Throttled
from prograde.domain.professional import Stage, State, StopReason
from prograde.ports import PageRequest
from tests.contracts.specimens import PARAMETERS
from tests.use_cases.bench import Bench
from tests.use_cases.outages import BAD_REQUEST, FORBIDDEN, MISSING, refusing
from tests.use_cases.scripted_source import only_page

ROSTER = tuple(f"A{number:02}" for number in range(12))
THROTTLED = Throttled(None)


def asked(bench: Bench, professional_id: str, stage: Stage) -> int:
    """Tell how often a professional was asked for in a stage."""
    wanted = (professional_id, stage)
    return [(request.professional_id, request.stage) for request in bench.source.requests].count(wanted)


@pytest.mark.parametrize("refused", [BAD_REQUEST, FORBIDDEN, MISSING], ids=["400", "403", "404"])
@pytest.mark.parametrize("stage", Stage)
def test_who_alone_is_refused_among_others_ends_alone_after_two_calls(
    bench: Bench, refused: Answered, stage: Stage
) -> None:
    bench.source.seconds_a_call = 0.5
    bench.source.answering = refusing("A03", refused, stage)
    bench.start(*ROSTER)

    batch = bench.run()

    is_missing = refused is MISSING and stage is Stage.PROFILE
    assert (BatchStatus.COMPLETE, 0) == (batch.status, batch.epoch)
    ended = {who.professional_id: who.state for who in bench.people() if who.state is not State.DONE}
    assert {"A03": State.NOT_FOUND if is_missing else State.FAILED} == ended
    assert 2 == asked(bench, "A03", stage)
    proofs = bench.professional("A03").calls - sum(asked(bench, "A03", each) for each in Stage)
    assert proofs <= 1, "others are asked for but once at the most"
    assert [] == bench.misbooked()
    assert () == bench.differences()


@pytest.mark.parametrize("refused", [BAD_REQUEST, FORBIDDEN, MISSING], ids=["400", "403", "404"])
def test_who_alone_is_left_and_refused_ends_by_one_proof(bench: Bench, refused: Answered) -> None:
    bench.source.seconds_a_call = 0.1

    def answer(request: PageRequest) -> Answered:
        if request.stage is Stage.HISTORICAL and request.professional_id == "A2":
            return refused
        return only_page(request)

    bench.source.answering = answer
    bench.start("A1", "A2")
    bench.run()

    assert StopReason.TERMINAL_FAILURE is bench.professional("A2").stop_reason
    assert 2 == asked(bench, "A2", Stage.HISTORICAL)
    assert 2 == asked(bench, "A1", Stage.HISTORICAL), "its own, and the proof"


def test_a_page_that_is_refused_once_is_asked_for_again_and_counted(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.5
    left = [BAD_REQUEST]
    bench.source.answering = lambda request: (
        left.pop() if left and request.professional_id == "A03" else only_page(request)
    )
    bench.start(*ROSTER)

    bench.run()

    assert {State.DONE} == {who.state for who in bench.people()}


def test_a_roster_with_unknown_ids_costs_one_more_call_for_each_of_them(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.2
    unknown = {f"B{number:03}" for number in range(0, 200, 20)}
    bench.source.answering = lambda request: MISSING if request.professional_id in unknown else only_page(request)
    bench.start(*(f"B{number:03}" for number in range(200)), parameters=replace(PARAMETERS, include_active=False))

    bench.run()

    assert unknown == {who.professional_id for who in bench.people() if who.state is State.NOT_FOUND}
    assert 2 * 190 + 2 * 10 <= len(bench.source.requests) <= 2 * 190 + 2 * 10 + 3, "with a proof now and then"


def test_who_is_looked_for_and_not_found_costs_one_call(bench: Bench) -> None:
    bench.source.answering = lambda request: NotFound() if request.professional_id == "A03" else only_page(request)
    bench.start("A03")

    bench.run()

    assert (State.NOT_FOUND, 1) == (bench.professional("A03").state, len(bench.source.requests))


# --- forbidden


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("people", [1, 2, 12])
def test_credentials_that_are_forbidden_a_stage_pause_the_batch_within_a_few_calls(
    bench: Bench, stage: Stage, people: int
) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = lambda request: FORBIDDEN if request.stage is stage else only_page(request)
    bench.start(*ROSTER[:people])

    batch = bench.run()

    assert BatchStatus.PAUSED == batch.status
    assert batch.reason.startswith("the source refuses the credentials: status 403: not yours, whoever is asked for")
    assert State.FAILED not in {who.state for who in bench.people()}
    forbidden = [request for request in bench.source.requests if request.stage is stage]
    assert len(forbidden) <= 3 + 8


def test_credentials_that_are_forbidden_from_some_moment_on_pause_the_batch_by_one_proof(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.start(*ROSTER)
    bench.run_until(lambda: len(bench.source.requests) == 20)
    bench.source.answering = lambda _: FORBIDDEN

    bench.run_until(lambda: bench.batch().status is BatchStatus.PAUSED)

    assert len(bench.source.requests) <= 20 + len(ROSTER) + 1
    bench.source.answering = only_page
    bench.resume()
    assert BatchStatus.COMPLETE == bench.run().status
    assert {State.DONE} == {who.state for who in bench.people()}


@pytest.mark.parametrize("stage", Stage)
def test_one_who_is_forbidden_does_not_pause_the_batch_even_as_the_first(bench: Bench, stage: Stage) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = refusing("A00", FORBIDDEN, stage)
    bench.start(*ROSTER)

    batch = bench.run()

    assert ["running", "finalizing", "complete"] == bench.statuses()
    assert {"A00": "forbidden"} == {
        who.professional_id: who.failure_cause for who in bench.people() if who.state is not State.DONE
    }
    assert 0 == batch.epoch


# --- throttled without end


def test_who_alone_is_throttled_without_end_fails_alone(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = refusing("A2", THROTTLED, Stage.HISTORICAL)
    bench.start("A1", "A2")

    batch = bench.run()

    assert (BatchStatus.COMPLETE, State.DONE) == (batch.status, bench.professional("A1").state)
    ended = bench.professional("A2")
    assert (StopReason.FAILURE_LIMIT, "throttled") == (ended.stop_reason, ended.failure_cause)
    assert TROUBLES_LIMIT <= asked(bench, "A2", Stage.HISTORICAL) <= 2 * TROUBLES_LIMIT


def test_a_large_roster_that_is_told_to_wait_for_an_hour_is_not_asked_for_one_by_one(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.5
    ends_at = bench.clock.now() + timedelta(minutes=50)
    bench.source.answering = lambda request: Throttled(3_600.0) if bench.clock.now() < ends_at else only_page(request)
    bench.start(*(f"B{number:03}" for number in range(150)))

    bench.run_until(lambda: bench.clock.now() > ends_at)

    assert len(bench.source.requests) <= 62, "half a minute of two calls a second, and then none but the probe"
    assert bench.batch().outage is not None


# --- refused from the first call on


@pytest.mark.parametrize("refused", [BAD_REQUEST, MISSING], ids=["400", "404"])
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("people", [1, 12])
def test_a_stage_that_was_never_answered_and_is_refused_everybody_pauses_the_batch(
    bench: Bench, refused: Refused, stage: Stage, people: int
) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = lambda request: refused if request.stage is stage else only_page(request)
    bench.start(*ROSTER[:people])
    begun_at = bench.clock.now()

    batch = bench.run()

    assert BatchStatus.PAUSED == batch.status
    why = f"the source refuses everybody the {stage} stage, and never answered it: {refused.kind}: {refused.detail}; "
    assert batch.reason.startswith(why)
    assert bench.clock.now() - begun_at < timedelta(minutes=5)
    bench.source.answering = only_page
    bench.resume()
    assert BatchStatus.COMPLETE == bench.run().status
    assert {State.DONE} == {who.state for who in bench.people()}
