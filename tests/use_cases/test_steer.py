"""Pause, resume and cancel: what they change, and how often somebody may ask."""

from datetime import timedelta

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import FinalizeTask
from prograde.domain.outcome import Throttled
from prograde.domain.professional import State
from prograde.errors import ConflictError, NotFoundError
from prograde.use_cases.steer import cancel_batch, pause_batch, resume_batch
from tests.contracts.specimens import NOON
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import Crash

ROSTER = ("A1", "A2", "A3")


@pytest.fixture
def paused(bench: Bench) -> Bench:
    """Give a bench on which A1 has ended, and the tasks of the others came while the batch was paused."""
    bench.start(*ROSTER)
    bench.due()
    for _ in range(3):
        bench.deliver(bench.task("A1"))
    bench.pause()
    for task in bench.due():
        bench.deliver(task)
    return bench


def wakes(bench: Bench) -> list[int]:
    return [bench.professional(who).wake for who in ROSTER]


def test_everybody_unfinished_is_woken_and_has_a_task(paused: Bench) -> None:
    batch = paused.resume()
    paused.wake()

    assert (BatchStatus.RUNNING, "", 2) == (batch.status, batch.reason, batch.epoch)
    assert [0, 1, 1] == wakes(paused)
    assert {paused.task("A2"), paused.task("A3")} == paused.due_pages()


def test_a_resumed_batch_comes_to_its_end(paused: Bench) -> None:
    paused.resume()

    assert BatchStatus.COMPLETE == paused.run().status
    assert 9 == len(paused.source.requests)


def test_resuming_again_wakes_nobody_twice(paused: Bench) -> None:
    for _ in range(2):
        paused.resume()
        paused.wake()

    assert [0, 1, 1] == wakes(paused)


def test_two_resumes_at_once_are_one_epoch(paused: Bench) -> None:
    resume_batch(paused.before("store.transact", paused.resume), paused.batch().batch_id)
    paused.run()

    assert 2 == paused.batch().epoch
    assert [0, 1, 1] == wakes(paused)


@pytest.mark.parametrize("verb", ["store.transact", "warehouse.append_batch", "queue.enqueue"])
def test_a_resume_after_a_crash_wakes_everybody_once(paused: Bench, verb: str) -> None:
    with pytest.raises(Crash):
        resume_batch(paused.dying_before(verb), paused.batch().batch_id)

    paused.resume()

    assert BatchStatus.COMPLETE == paused.run().status
    assert [0, 1, 1] == wakes(paused)
    assert 9 == len(paused.source.requests)


def test_a_running_batch_is_left_as_it_is(bench: Bench) -> None:
    batch = bench.start("A1")

    assert batch == bench.resume()
    assert 0 == bench.professional("A1").wake


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_a_batch_that_is_over_is_not_steered(bench: Bench, verb: str) -> None:
    bench.start("A1")
    complete = bench.run()

    with pytest.raises(ConflictError):
        getattr(bench, verb)()

    assert complete == bench.batch()


def test_there_is_nothing_to_steer_where_there_is_no_batch(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        pause_batch(bench.services, "nothing", "by hand")
    for steer in (resume_batch, cancel_batch):
        with pytest.raises(NotFoundError):
            steer(bench.services, "nothing")


def test_the_operations_team_is_told_of_every_turn(bench: Bench) -> None:
    bench.start("A1")
    bench.pause()
    bench.resume()
    bench.cancel()
    bench.run()

    expected = ["running", "paused", "running", "draining", "finalizing", "cancelled"]
    assert expected == bench.statuses()


def test_the_last_page_of_a_batch_paused_meanwhile_counts_and_resuming_finalizes(bench: Bench) -> None:
    bench.start("A1")
    for _ in range(2):
        bench.deliver(bench.due()[0])
    bench.source.in_flight = [bench.pause]

    bench.deliver(bench.due()[0])

    stored = bench.batch()
    assert (BatchStatus.PAUSED, 16, 1) == (stored.status, stored.drained, stored.epoch)
    assert "somebody asked for it" == stored.reason
    assert 0 == bench.pending()
    assert [] == bench.due()
    resumed = bench.resume()
    assert (BatchStatus.FINALIZING, 1) == (resumed.status, resumed.grading_run)
    assert [FinalizeTask(resumed.batch_id, 1, resumed.wake, resumed.due_at)] == bench.due()


def test_a_page_of_a_batch_paused_and_resumed_during_its_call_is_counted_once(bench: Bench) -> None:
    bench.start("A1")

    def pause_and_resume() -> None:
        bench.pause()
        bench.resume()

    bench.source.in_flight = [pause_and_resume]
    assert BatchStatus.COMPLETE == bench.run().status
    assert (3, 1) == (bench.professional("A1").calls, bench.professional("A1").wake)
    assert 3 == len(bench.source.requests)


# --- cancelled


def test_a_cancelled_batch_exports_what_there_is_and_says_so(paused: Bench) -> None:
    paused.cancel()

    batch = paused.run()

    assert (BatchStatus.CANCELLED, "", 0) == (batch.status, batch.reason, paused.pending())
    assert [] == paused.misbooked()
    assert ["001"] == [path.name for path in paused.exports()]
    manifest = paused.manifest()
    assert manifest["is_cancelled"]
    assert {"done": 1, "cancelled": 2} == manifest["professionals"]["by_state"]


def test_a_complete_batch_does_not_say_that_it_was_cancelled(bench: Bench) -> None:
    bench.start("A1")
    bench.run()

    assert not bench.manifest()["is_cancelled"]


def test_cancelling_makes_no_call(paused: Bench) -> None:
    before = len(paused.source.requests)
    paused.cancel()
    paused.run()

    assert before == len(paused.source.requests)


def test_a_page_in_flight_when_the_batch_is_cancelled_is_counted(bench: Bench) -> None:
    bench.start("A1", "A2")
    bench.source.in_flight = [bench.cancel]

    bench.deliver(bench.task("A1"))
    assert 1 == len(bench.professional("A1").ledger)
    batch = bench.run()

    assert (BatchStatus.CANCELLED, 1) == (batch.status, len(bench.source.requests))
    assert [State.CANCELLED] * 2 == [who.state for who in bench.people()]
    assert () == bench.differences()


def test_a_last_page_in_flight_when_the_batch_is_cancelled_ends_its_professional_well(bench: Bench) -> None:
    bench.start("A1", "A2")
    for _ in range(2):
        bench.deliver(bench.task("A1"))
    bench.source.in_flight = [bench.cancel]

    bench.deliver(bench.task("A1"))
    bench.run()

    assert [State.DONE, State.CANCELLED] == [who.state for who in bench.people()]


@pytest.mark.parametrize("during", [None, "A1", "A2"])
def test_cancelling_waits_for_nobody_whom_the_source_asked_to_wait(bench: Bench, during: str | None) -> None:
    def cancel() -> None:
        bench.cancel()
        bench.wake()

    bench.source.script = [Throttled(3_600.0), Throttled(3_600.0)]
    bench.start("A1", "A2")
    for who in ("A1", "A2"):
        bench.source.in_flight = [cancel] if who == during else []
        if not bench.batch().is_cancelled:
            bench.deliver(bench.task(who))
    bench.cancel()

    bench.run_until(lambda: bench.batch().status is BatchStatus.CANCELLED)
    assert bench.clock.now() < NOON + timedelta(minutes=1)


@pytest.mark.parametrize("verb", ["store.transact", "warehouse.append_batch", "queue.enqueue"])
def test_a_cancel_after_a_crash_ends_the_batch(paused: Bench, verb: str) -> None:
    with pytest.raises(Crash):
        cancel_batch(paused.dying_before(verb), paused.batch().batch_id)

    paused.cancel()

    assert BatchStatus.CANCELLED == paused.run().status
    assert 2 == paused.batch().epoch, "one for the pause and one for the cancel"
