"""A professional whose page breaks the source fails for itself, and for nobody else; throttling slows everybody."""

from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.outcome import Answered, NotFound, Throttled
from prograde.domain.professional import Stage, State, StopReason
from prograde.ports import PageRequest
from tests.contracts.specimens import PARAMETERS
from tests.use_cases.bench import Bench
from tests.use_cases.outages import BROKEN, broken_for, long_histories
from tests.use_cases.scripted_source import only_page

ROSTER = ("A1", "A2", "A3", "A4", "A5")
POISON = "A3"


def asked(bench: Bench, professional_id: str, stage: Stage, page: int = 1) -> int:
    """Tell how often a page was asked for."""
    wanted = (professional_id, stage, page)
    return [(request.professional_id, request.stage, request.page) for request in bench.source.requests].count(wanted)


@pytest.mark.parametrize(("stage", "page"), [(Stage.PROFILE, 1), (Stage.ACTIVE, 1), (Stage.HISTORICAL, 2)])
@pytest.mark.parametrize("limit", [2, 5])
def test_one_among_others_fails_after_as_many_failures_as_the_limit_and_the_others_are_graded(
    bench: Bench, stage: Stage, page: int, limit: int
) -> None:
    everybody = tuple(f"A{number}" for number in range(1, 13))
    bench.source.seconds_a_call = 0.5
    bench.source.answering = broken_for(POISON, stage, page, long_histories(5))
    bench.start(*everybody, parameters=replace(PARAMETERS, failure_limit=limit))

    batch = bench.run()

    poison = bench.professional(POISON)
    assert (BatchStatus.COMPLETE, "", 0) == (batch.status, batch.reason, batch.epoch)
    assert (State.FAILED, StopReason.FAILURE_LIMIT, limit) == (
        poison.state,
        poison.stop_reason,
        poison.failures_in_a_row,
    )
    assert limit <= asked(bench, POISON, stage, page) < 2 * limit
    assert {State.DONE} == {who.state for who in bench.people() if who.professional_id != POISON}
    assert [] == bench.misbooked()
    assert () == bench.differences()


def test_while_others_are_answered_no_proof_is_asked_for(bench: Bench) -> None:
    # Somebody else is answered between any two failures.
    bench.source.answering = broken_for(POISON, Stage.PROFILE)
    bench.start(POISON, *(f"B{number}" for number in range(5)))
    for number in range(5):
        bench.clock.sleep(60.0)
        bench.deliver(bench.task(POISON))
        bench.clock.sleep(60.0)
        bench.deliver(bench.task(f"B{number}"))

    assert StopReason.FAILURE_LIMIT is bench.professional(POISON).stop_reason
    assert (5, 5) == (asked(bench, POISON, Stage.PROFILE), bench.professional(POISON).calls)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_alone_it_fails_too_by_proofs(bench: Bench, limit: int) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = broken_for("A1", Stage.HISTORICAL, 2, long_histories(3))
    bench.start("A1", parameters=replace(PARAMETERS, failure_limit=limit))

    batch = bench.run()

    poison = bench.professional("A1")
    proofs = max(1, limit - 1)
    assert (BatchStatus.COMPLETE, 0) == (batch.status, batch.epoch), "there never was an outage"
    assert StopReason.FAILURE_LIMIT is poison.stop_reason
    assert 1 + 2 * proofs == asked(bench, "A1", Stage.HISTORICAL, 2)
    assert 1 + proofs == asked(bench, "A1", Stage.HISTORICAL, 1)
    assert len(bench.source.requests) == poison.calls == bench.raw_rows()


def test_a_proof_is_evidence_and_counts_for_nobody(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.source.answering = broken_for("A2", Stage.HISTORICAL, 1)
    bench.start("A1", "A2")

    bench.run()

    well, poison = bench.professional("A1"), bench.professional("A2")
    assert (3, 1) == (well.calls, well.aggregate.sold_count)
    assert (2, 0) == (len(poison.ledger), poison.aggregate.sold_count)
    attempts = bench.services.warehouse.attempts(poison.batch_id, "A2")
    proofs = [attempt for attempt in attempts if attempt.stage == "historical" and attempt.outcome == "ListingPage"]
    assert asked(bench, "A1", Stage.HISTORICAL) - 1 == len(proofs) > 0
    assert list(range(poison.step)) == [attempt.step for attempt in attempts]
    assert () == bench.differences()


def test_a_page_that_mends_itself_is_counted_and_nothing_is_held_against_it(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    fails_left = [4]

    def mending(request: PageRequest) -> Answered:
        if (request.professional_id, request.stage) != ("A2", Stage.ACTIVE) or not fails_left[0]:
            return only_page(request)
        fails_left[0] -= 1
        return BROKEN

    bench.source.answering = mending
    bench.start("A1", "A2")

    batch = bench.run()

    assert BatchStatus.COMPLETE == batch.status
    assert (State.DONE, "", 0) == (
        (mended := bench.professional("A2")).state,
        mended.last_failure,
        mended.failures_in_a_row,
    )


def test_a_handler_that_dies_of_a_page_fails_its_professional_and_opens_no_outage(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    bench.start("A1", "A2")
    for _ in range(2):
        bench.deliver(bench.task("A1"))
    deliveries = 0
    while not bench.professional("A2").is_final:
        deliveries += 1
        bench.clock.moment = max(bench.clock.now(), bench.professional("A2").due_at)
        # Only the own page kills: a proof asks for somebody else's.
        needs_proof = bench.professional("A2").needs_proof(bench.batch().answers.get(Stage.PROFILE), bench.clock.now())
        bench.deliver(bench.task("A2"), deaths=0 if needs_proof else 3)

    assert (StopReason.FAILURE_LIMIT, "handler_died") == (
        bench.professional("A2").stop_reason,
        bench.professional("A2").failure_cause,
    )
    assert bench.batch().outage is None
    assert deliveries < 20


def test_two_at_once_that_break_the_source_fail_both_and_nobody_else(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.3
    twice = broken_for("A5", Stage.HISTORICAL, 3, broken_for("A2", Stage.HISTORICAL, 3, long_histories(9)))
    bench.source.answering = twice
    bench.start(*ROSTER)

    batch = bench.run()

    assert BatchStatus.COMPLETE == batch.status
    assert ["A2", "A5"] == [who.professional_id for who in bench.people() if who.state is State.FAILED]
    assert {"failure_limit"} == {str(who.stop_reason) for who in bench.people() if who.state is State.FAILED}


# --- throttled


def test_being_throttled_halves_the_share_that_the_next_call_is_made_at(bench: Bench) -> None:
    bench.source.script = [Throttled(None)]
    bench.start("A1", "A2")
    first, second = sorted(bench.due_pages(), key=lambda task: task.professional_id)

    bench.deliver(first)
    bench.deliver(second)

    assert [1.0, 0.5] == bench.source.shares


def test_a_share_rises_by_time_alone_and_is_never_more_than_all(bench: Bench) -> None:
    bench.source.script = [Throttled(None)]
    bench.start("A1", "A2", "A3")
    for who, seconds in (("A1", 0.0), ("A2", 30.0), ("A3", 3_600.0)):
        bench.clock.sleep(seconds)
        bench.deliver(bench.task(who))

    assert [1.0, 0.75, 1.0] == [pytest.approx(share) for share in bench.source.shares]


def test_throttling_again_and_again_leaves_a_share(bench: Bench) -> None:
    bench.source.script = [Throttled(None)] * 12
    bench.start("A1")
    for _ in range(12):
        bench.clock.sleep(10.0)
        bench.clock.moment = max(bench.clock.now(), bench.professional("A1").due_at)
        bench.deliver(bench.task("A1"))

    assert 0.05 <= min(bench.source.shares) < 0.2
    assert BatchStatus.COMPLETE == bench.run().status


def test_of_many_throttled_at_once_one_is_the_sign(bench: Bench) -> None:
    bench.source.script = [Throttled(None)] * 5
    bench.start(*ROSTER)
    for task in bench.due_pages():
        bench.deliver(task)

    assert 0.5 == bench.batch().pace.share


def test_two_throttled_calls_in_flight_together_halve_once(bench: Bench) -> None:
    bench.source.script = [Throttled(None), Throttled(None)]
    bench.start("A1", "A2")
    bench.source.in_flight = [lambda: bench.deliver(bench.task("A2"))]

    bench.deliver(bench.task("A1"))

    assert 0.5 == bench.batch().pace.share


def test_one_who_is_broken_and_first_in_a_stage_stops_nobody(bench: Bench) -> None:
    bench.source.seconds_a_call = 1.0
    bench.source.answering = lambda request: (
        BROKEN
        if (request.professional_id, request.stage) == ("A0", Stage.ACTIVE)
        else NotFound()
        if request.professional_id != "A0"
        else only_page(request)
    )
    others = [f"B{number:02}" for number in range(40)]
    bench.start("A0", *others, parameters=replace(PARAMETERS, outage_patience_minutes=5))

    bench.run()

    assert {State.NOT_FOUND} == {bench.professional(who).state for who in others}
    # Nobody else ever came there, so nobody can tell whose fault it is.
    assert StopReason.SOURCE_OUTAGE == bench.professional("A0").stop_reason
