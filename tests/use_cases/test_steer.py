"""Resuming: everybody unfinished is woken, once."""

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import FinalizeTask
from prograde.errors import ConflictError, NotFoundError
from prograde.use_cases import wake as waking
from prograde.use_cases.steer import resume_batch
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

    assert (BatchStatus.RUNNING, "", 2) == (batch.status, batch.reason, batch.epoch)
    assert [0, 1, 1] == wakes(paused)
    assert {paused.task("A2"), paused.task("A3")} == set(paused.due())


def test_a_resumed_batch_comes_to_its_end(paused: Bench) -> None:
    paused.resume()

    assert BatchStatus.COMPLETE == paused.run().status
    assert 9 == len(paused.source.requests)


def test_resuming_again_wakes_nobody_twice(paused: Bench) -> None:
    for _ in range(2):
        paused.resume()

    assert [0, 1, 1] == wakes(paused)


def test_two_resumes_at_once_wake_nobody_twice(paused: Bench) -> None:
    # The first has read who is behind, and is overtaken before it wakes anybody.
    services = paused.before("store.transact", paused.resume, nth=2)

    resume_batch(services, paused.batch().batch_id)

    assert [0, 1, 1] == wakes(paused)
    assert {paused.task("A2"), paused.task("A3")} == set(paused.due())


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("nth", [2, 3])
def test_a_resume_after_a_crash_wakes_the_others(
    paused: Bench, nth: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "CHUNK", chunk)
    with pytest.raises(Crash):
        resume_batch(paused.dying_before("store.transact", nth), paused.batch().batch_id)

    paused.resume()

    assert [0, 1, 1] == wakes(paused)
    assert {paused.task("A2"), paused.task("A3")} == set(paused.due())


def test_who_ends_while_the_batch_resumes_is_left_alone(paused: Bench) -> None:
    def end_a2() -> None:
        for _ in range(3):
            paused.deliver(paused.task("A2"))

    services = paused.before("store.transact", end_a2, nth=2)

    resume_batch(services, paused.batch().batch_id)

    assert [0, 0, 1] == wakes(paused)
    assert 1 == paused.pending()


def test_a_running_batch_is_left_as_it_is(bench: Bench) -> None:
    batch = bench.start("A1")

    assert batch == bench.resume()
    assert 0 == bench.professional("A1").wake


def test_a_batch_that_is_over_is_not_resumed(bench: Bench) -> None:
    bench.start("A1")
    complete = bench.run()

    with pytest.raises(ConflictError):
        bench.resume()

    assert complete == bench.batch()


def test_there_is_nothing_to_resume_where_there_is_no_batch(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        resume_batch(bench.services, "nothing")


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
