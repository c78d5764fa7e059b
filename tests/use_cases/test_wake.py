"""Waking: a chain of chunks, in which everybody unfinished gets a new task once an epoch."""

from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from prograde.domain.batch import BatchStatus, Waking
from prograde.domain.effects import PageTask, SeedTask, SoundingTask, Task, WakeTask, effects
from prograde.domain.outcome import Throttled
from prograde.domain.professional import Stage, State
from prograde.use_cases import seed as seeding
from prograde.use_cases import start_batch as starting
from prograde.use_cases import wake as waking
from prograde.use_cases.dead_letters import replay
from tests.contracts.specimens import PARAMETERS
from tests.use_cases.bench import Bench, opened
from tests.use_cases.interruptions import Crash, crash
from tests.use_cases.outages import broken_for

ROSTER = ("A1", "A2", "A3", "A4", "A5")
UNFINISHED = ROSTER[1:]


def resume(bench: Bench) -> Bench:
    """Resume a batch of five of whom A1 has ended; the tasks of the others came while it was paused."""
    bench.start(*ROSTER)
    for _ in range(3):
        bench.deliver(bench.task("A1"))
    bench.pause()
    for task in bench.due():
        bench.deliver(task)
    bench.resume()
    return bench


@pytest.fixture
def resumed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a bench on which such a chain is about to begin, two professionals at a time."""
    monkeypatch.setattr(waking, "CHUNK", 2)
    return resume(bench)


def wakes(bench: Bench) -> list[int]:
    return [bench.professional(who).wake for who in ROSTER]


def expected_task(bench: Bench) -> WakeTask:
    """Give the task that the chain waits for."""
    (task,) = effects(bench.batch())
    assert isinstance(task, WakeTask)
    return task


# --- a chain


@pytest.mark.parametrize(("chunk", "turns"), [(1, 5), (2, 3), (3, 2), (4, 2), (5, 1), (100, 1)])
def test_everybody_unfinished_is_woken_once_in_chunks_of_any_size(
    bench: Bench, chunk: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "CHUNK", chunk)
    resume(bench)
    taken = 0
    while bench.batch().waking is not None:
        bench.deliver(expected_task(bench))
        taken += 1

    assert turns == taken
    assert [0, 1, 1, 1, 1] == wakes(bench)
    assert {2} == {bench.professional(who).epoch for who in UNFINISHED}
    assert {bench.task(who) for who in UNFINISHED} == bench.due_pages()


def test_each_chunk_brings_the_next(resumed: Bench) -> None:
    [first] = resumed.due()

    resumed.deliver(first)

    assert Waking(resumed.clock.now(), "A3", turn=1) == resumed.batch().waking
    assert {resumed.task("A2"), resumed.task("A3"), expected_task(resumed)} == set(resumed.due())


def test_a_woken_batch_comes_to_its_end(resumed: Bench) -> None:
    assert BatchStatus.COMPLETE == resumed.run().status
    assert 15 == len(resumed.source.requests)


def test_who_is_woken_forgets_its_failures_and_keeps_the_wait_that_the_source_asked_for(bench: Bench) -> None:
    bench.source.script = [Throttled(600.0)]
    bench.start("A1")
    bench.deliver(bench.due()[0])
    due_at = bench.professional("A1").due_at
    bench.pause()
    bench.resume()

    bench.wake()

    assert (1, due_at) == (bench.professional("A1").wake, bench.professional("A1").due_at)


# --- repeated, late and overtaken


def test_a_chunk_that_is_repeated_wakes_nobody_again_and_brings_what_a_crash_swallowed(resumed: Bench) -> None:
    first = expected_task(resumed)
    with pytest.raises(Crash):
        # The first enqueue is the chunk's page tasks.
        resumed.deliver(first, resumed.dying_before("queue.enqueue", 2))
    resumed.due()

    resumed.deliver(first)

    assert [0, 1, 1, 0, 0] == wakes(resumed)
    assert [expected_task(resumed)] == resumed.due()


@pytest.mark.parametrize("nth", [1, 2])
def test_two_deliveries_of_a_chunk_at_once_are_one(resumed: Bench, nth: int) -> None:
    first = expected_task(resumed)

    resumed.deliver(first, resumed.before("store.transact", lambda: resumed.deliver(first), nth))

    assert [0, 1, 1, 0, 0] == wakes(resumed)
    assert Waking(resumed.clock.now(), "A3", turn=1) == resumed.batch().waking


def test_a_chunk_overtaken_by_the_whole_chain_does_not_begin_it_again(resumed: Bench) -> None:
    first = expected_task(resumed)

    resumed.deliver(first, resumed.before("store.transact", resumed.wake, nth=2))

    assert resumed.batch().waking is None
    assert [0, 1, 1, 1, 1] == wakes(resumed)


def test_the_chain_of_an_older_epoch_wakes_nobody_and_brings_the_newest(resumed: Bench) -> None:
    old = expected_task(resumed)
    resumed.pause()
    resumed.resume()
    resumed.due()

    resumed.deliver(old)

    assert [0] * 5 == wakes(resumed)
    assert [] == resumed.due(), "its name is taken"
    resumed.wake()
    assert [0, 1, 1, 1, 1] == wakes(resumed)


def test_who_ends_while_others_are_woken_is_left_alone(resumed: Bench) -> None:
    def end_a2() -> None:
        for _ in range(3):
            resumed.deliver(resumed.task("A2"))

    resumed.deliver(expected_task(resumed), resumed.before("store.transact", end_a2))
    resumed.wake()

    assert [0, 0, 1, 1, 1] == wakes(resumed)
    assert 3 == resumed.pending()


def test_a_chain_after_the_last_page_does_nothing(resumed: Bench) -> None:
    task = expected_task(resumed)
    complete = resumed.run()

    resumed.deliver(task)

    assert complete == resumed.batch()
    assert [] == resumed.due_later()


# --- a new epoch in the midst of it


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("turn", [1, 2])
def test_a_pause_in_the_midst_of_waking_leaves_nobody_behind(resumed: Bench, turn: int, nth: int) -> None:
    for _ in range(turn - 1):
        resumed.deliver(expected_task(resumed))

    resumed.deliver(expected_task(resumed), resumed.before("store.transact", resumed.pause, nth))

    assert (BatchStatus.PAUSED, None) == (resumed.batch().status, resumed.batch().waking)
    before = len(resumed.source.requests)
    resumed.run()
    assert before == len(resumed.source.requests)
    resumed.resume()
    assert BatchStatus.COMPLETE == resumed.run().status
    assert {4} == {resumed.professional(who).epoch for who in UNFINISHED}
    assert 15 == len(resumed.source.requests)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_an_epoch_that_begins_in_the_midst_of_waking_wakes_everybody_from_the_first_on(
    resumed: Bench, turn: int, nth: int
) -> None:
    for _ in range(turn - 1):
        resumed.deliver(expected_task(resumed))

    def begin_a_new_epoch() -> None:
        resumed.pause()
        resumed.resume()

    resumed.deliver(expected_task(resumed), resumed.before("store.transact", begin_a_new_epoch, nth))
    resumed.wake()

    assert {4} == {resumed.professional(who).epoch for who in UNFINISHED}
    assert BatchStatus.COMPLETE == resumed.run().status


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_cancel_in_the_midst_of_waking_ends_everybody(resumed: Bench, turn: int, nth: int) -> None:
    for _ in range(turn - 1):
        resumed.deliver(expected_task(resumed))

    resumed.deliver(expected_task(resumed), resumed.before("store.transact", resumed.cancel, nth))

    assert BatchStatus.CANCELLED == resumed.run().status
    assert 3 == len(resumed.source.requests)
    assert [] == resumed.misbooked()


# --- crashes


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_crash_before_any_write_of_the_chain_forgets_nobody_and_wakes_nobody_twice(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "CHUNK", chunk)
    for nth in count(1):
        with opened(tmp_path / str(nth)) as bench:
            dying, deaths = resume(bench).before_write(nth, crash), 0
            enqueued: list[Task] = []
            while due := bench.due():
                enqueued += due
                for chain in (task for task in due if isinstance(task, WakeTask)):
                    try:
                        bench.deliver(chain, dying)
                    except Crash:
                        deaths += 1
                        bench.deliver(chain, dying)

            assert [0, 1, 1, 1, 1] == wakes(bench)
            assert bench.batch().waking is None
            assert {bench.task(who) for who in UNFINISHED} == {task for task in enqueued if isinstance(task, PageTask)}
            for task in enqueued:
                bench.deliver(task)
            assert BatchStatus.COMPLETE == bench.run().status
            assert [] == bench.misbooked()
        if not deaths:
            break

    assert nth > 4


# --- a chain that stands still


def stand_still(bench: Bench, seconds: float) -> None:
    """Lose whatever is due, and let the time go by."""
    bench.due()
    bench.clock.sleep(seconds)


def test_a_chain_that_lost_its_task_gets_a_new_one(resumed: Bench) -> None:
    resumed.deliver(expected_task(resumed))
    stand_still(resumed, 120.0)
    before = resumed.batch()

    resumed.supervise()

    assert Waking(resumed.clock.now(), "A3", turn=2) == resumed.batch().waking
    assert (before.wake, before.epoch) == (resumed.batch().wake, resumed.batch().epoch)
    assert expected_task(resumed) in resumed.due()
    resumed.wake()
    assert [0, 1, 1, 1, 1] == wakes(resumed)


def test_a_chain_within_its_grace_is_left_alone(resumed: Bench) -> None:
    stand_still(resumed, 119.0)
    before = resumed.batch()

    resumed.supervise()

    assert before == resumed.batch()


def test_the_lost_task_of_a_renewed_chain_is_late_and_wakes_nobody(resumed: Bench) -> None:
    lost = expected_task(resumed)
    stand_still(resumed, 120.0)
    resumed.supervise()

    resumed.deliver(lost)

    assert [0] * 5 == wakes(resumed)


def test_two_supervises_at_once_renew_a_chain_once(resumed: Bench) -> None:
    stand_still(resumed, 120.0)

    resumed.supervise(resumed.before("store.transact", resumed.supervise))

    assert Waking(resumed.clock.now(), turn=1) == resumed.batch().waking


def test_a_chain_that_moves_meanwhile_is_not_renewed(resumed: Bench) -> None:
    stand_still(resumed, 120.0)
    task = expected_task(resumed)

    resumed.supervise(resumed.before("store.transact", lambda: resumed.deliver(task)))

    assert Waking(resumed.clock.now(), "A3", turn=1) == resumed.batch().waking


def test_a_chain_and_seeding_that_stand_still_are_both_renewed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "CHUNK", 2)
    monkeypatch.setattr(starting, "INLINE_CHUNKS", 1)
    bench.start(*ROSTER)
    bench.pause()
    bench.resume()
    stand_still(bench, 120.0)

    bench.supervise()

    renewed = bench.due()
    assert {SeedTask, WakeTask, SoundingTask} == {type(task) for task in renewed}
    for task in renewed:
        bench.deliver(task)
    assert BatchStatus.COMPLETE == bench.run().status


# --- a batch that drains


@pytest.mark.parametrize(("chunk", "turns"), [(1, 4), (2, 2), (3, 2), (4, 1), (100, 1)])
def test_a_cancel_ends_everybody_by_the_chain_alone(
    bench: Bench, chunk: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "CHUNK", chunk)
    resume(bench)
    calls = len(bench.source.requests)
    bench.cancel()

    for _ in range(turns):
        assert BatchStatus.DRAINING == bench.batch().status
        assert not [task for task in bench.due() if isinstance(task, PageTask) and task.wake > 1]
        bench.deliver(expected_task(bench))

    assert [State.DONE, *[State.CANCELLED] * 4] == [bench.professional(who).state for who in ROSTER]
    assert (BatchStatus.CANCELLED, calls) == (bench.run().status, len(bench.source.requests))
    assert [] == bench.misbooked()


@pytest.mark.parametrize("verb", ["store.in_state", "store.transact", "queue.enqueue"])
def test_a_chain_of_a_cancel_that_died_goes_on(resumed: Bench, verb: str) -> None:
    resumed.cancel()
    task = expected_task(resumed)

    for nth in (1, 2):
        with suppress(Crash):
            resumed.deliver(task, resumed.dying_before(verb, nth))

    assert BatchStatus.CANCELLED == resumed.run().status
    assert [] == resumed.misbooked()


def test_a_page_in_flight_counts_if_it_comes_before_the_chain_and_not_behind_it(resumed: Bench) -> None:
    task = resumed.task("A2")
    before = resumed.professional("A2")
    resumed.source.in_flight = [resumed.cancel]
    resumed.deliver(task)
    assert (before.step + 1, State.OPEN) == (resumed.professional("A2").step, resumed.professional("A2").state)

    batch = resumed.run()

    assert (BatchStatus.CANCELLED, State.CANCELLED) == (batch.status, resumed.professional("A2").state)
    assert () == resumed.differences()


def test_a_chain_that_comes_late_ends_nobody_whom_a_replay_has_opened(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "CHUNK", 5)
    bench.source.answering = broken_for("A1", Stage.PROFILE)
    bench.start("A1", parameters=replace(PARAMETERS, outage_patience_minutes=0))
    bench.run_until(lambda: bench.batch().status is BatchStatus.DRAINING)

    def end_and_replay() -> None:
        assert BatchStatus.INCOMPLETE == bench.run().status
        replay(bench.services, bench.batch().batch_id, ["A1"])

    bench.deliver(expected_task(bench), bench.before("store.transact", end_and_replay))

    assert (BatchStatus.RUNNING, State.OPEN) == (bench.batch().status, bench.professional("A1").state)
    assert [] == bench.misbooked()
