"""Seeding: one chunk for each task, the cursor last."""

from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus, Seeding
from prograde.domain.effects import PageTask, SeedTask, Task
from prograde.domain.professional import State
from prograde.errors import CorruptionError
from prograde.use_cases import seed as seeding
from prograde.use_cases import start_batch as starting
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import Crash

ROSTER = tuple(f"A{number}" for number in range(8))


@pytest.fixture
def small(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a bench that seeds two professionals at a time, only the first two of them inline."""
    monkeypatch.setattr(seeding, "CHUNK", 2)
    monkeypatch.setattr(starting, "INLINE_CHUNKS", 1)
    return bench


def expected_task(bench: Bench) -> SeedTask:
    batch = bench.batch()
    assert batch.op is not None
    return SeedTask(batch.batch_id, batch.wake, batch.op.offset, batch.due_at)


def due_seed_tasks(bench: Bench) -> list[SeedTask]:
    """Take what is due, and give the seed tasks of it."""
    return [task for task in bench.due() if isinstance(task, SeedTask)]


def stored_ids(bench: Bench) -> list[str]:
    return [who.professional_id for who in bench.services.store.professionals(bench.batch().batch_id)]


def test_a_seed_task_seeds_its_chunk_and_brings_the_next(small: Bench) -> None:
    small.start(*ROSTER)
    [task] = due_seed_tasks(small)

    small.deliver(task)

    assert Seeding(offset=12, seeded=4) == small.batch().op
    assert list(ROSTER[:4]) == stored_ids(small)
    tasks: list[Task] = [small.task("A2"), small.task("A3"), expected_task(small)]
    assert set(tasks) == set(small.due())


def test_everybody_is_seeded_once_and_comes_to_an_end(small: Bench) -> None:
    small.start(*ROSTER)

    batch = small.run()

    assert (BatchStatus.COMPLETE, None) == (batch.status, batch.op)
    assert list(range(8)) == [who.sequence for who in small.services.store.professionals(batch.batch_id)]


def test_an_old_seed_task_seeds_nothing_and_enqueues_what_a_crash_swallowed(small: Bench) -> None:
    small.start(*ROSTER)
    [old] = due_seed_tasks(small)
    with pytest.raises(Crash):
        # The first enqueue is the chunk's page tasks.
        small.deliver(old, small.dying_before("queue.enqueue", 2))
    before = small.batch()
    assert [] == due_seed_tasks(small)

    small.deliver(old)

    assert before == small.batch()
    assert [expected_task(small)] == due_seed_tasks(small)


@pytest.mark.parametrize(("wakes", "offset"), [(1, 0), (-1, 0), (0, 3), (0, -6)])
def test_a_seed_task_that_is_not_the_expected_one_seeds_nothing(small: Bench, wakes: int, offset: int) -> None:
    small.start(*ROSTER)
    task = expected_task(small)
    before = small.batch()

    small.deliver(replace(task, wake=task.wake + wakes, offset=task.offset + offset))

    assert before == small.batch()
    assert list(ROSTER[:2]) == stored_ids(small)


def test_a_seed_task_after_the_last_chunk_does_nothing(small: Bench) -> None:
    small.start(*ROSTER)
    first = expected_task(small)
    complete = small.run()

    small.deliver(first)

    assert complete == small.batch()
    assert [] == small.due_later()


@pytest.mark.parametrize("verb", ["store.create_professionals", "queue.enqueue", "store.transact"])
def test_a_seed_task_that_was_overtaken_does_not_set_the_cursor_back(small: Bench, verb: str) -> None:
    small.start(*ROSTER)
    task = expected_task(small)

    def overtake() -> None:
        small.deliver(task)
        small.deliver(expected_task(small))

    small.deliver(task, small.before(verb, overtake))

    assert Seeding(offset=18, seeded=6) == small.batch().op
    assert BatchStatus.COMPLETE == small.run().status
    assert list(ROSTER) == stored_ids(small)


def test_a_seed_task_overtaken_by_the_last_one_does_not_seed_again(small: Bench) -> None:
    small.start(*ROSTER[:4])
    task = expected_task(small)

    small.deliver(task, small.before("store.transact", lambda: small.deliver(task)))

    assert small.batch().op is None
    assert BatchStatus.COMPLETE == small.run().status


def test_a_chunk_seeded_again_keeps_everybodys_progress(small: Bench) -> None:
    small.start(*ROSTER)
    task = expected_task(small)

    def overtake() -> None:
        small.deliver(task)
        small.deliver(small.task("A2"))

    small.deliver(task, small.before("store.create_professionals", overtake))

    assert 1 == small.professional("A2").step


# --- not too many at once


def test_seeding_waits_while_too_many_are_open(small: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "OPEN_MAX", 3)
    small.start(*ROSTER)
    small.deliver(due_seed_tasks(small)[0])
    [full] = due_seed_tasks(small)

    small.deliver(full)

    assert list(ROSTER[:4]) == stored_ids(small)
    assert Seeding(offset=12, seeded=4) == small.batch().op
    assert small.clock.now() + seeding.FULL_WAIT == small.batch().due_at
    assert [] == due_seed_tasks(small)
    small.clock.sleep(seeding.FULL_WAIT.total_seconds())
    assert [expected_task(small)] == due_seed_tasks(small)


def test_seeding_goes_on_once_enough_are_final(small: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "OPEN_MAX", 3)
    small.start(*ROSTER)

    batch = small.run()

    assert BatchStatus.COMPLETE == batch.status
    assert list(ROSTER) == stored_ids(small)


# --- paused, resumed and cancelled meanwhile


def test_who_is_seeded_after_a_resume_is_not_woken_by_it_again(small: Bench) -> None:
    small.start(*ROSTER)
    small.pause()
    small.resume()
    small.deliver(expected_task(small))

    small.resume()

    assert (2, 0) == (small.professional("A2").epoch, small.professional("A2").wake)


def test_a_paused_batch_is_seeded_without_page_tasks(small: Bench) -> None:
    small.start(*ROSTER)
    [task] = due_seed_tasks(small)
    small.pause()

    small.deliver(task)

    assert list(ROSTER[:4]) == stored_ids(small)
    assert [SeedTask] == [type(task) for task in small.due()]


@pytest.mark.parametrize("is_woken", [False, True], ids=["resumed", "resumed and woken"])
@pytest.mark.parametrize("verb", ["store.create_professionals", "queue.enqueue", "store.transact"])
def test_who_is_seeded_while_the_batch_resumes_has_a_task(
    small: Bench,
    verb: str,
    is_woken: bool,  # noqa: FBT001  # a table's column
) -> None:
    small.start(*ROSTER)
    small.pause()
    task = expected_task(small)

    def resume() -> None:
        small.resume()
        if is_woken:
            # The chain has gone by before the chunk's professionals are there to be woken.
            small.wake()

    small.deliver(task, small.before(verb, resume))

    assert BatchStatus.COMPLETE == small.run().status


@pytest.mark.parametrize("verb", ["store.create_professionals", "queue.enqueue", "store.transact"])
def test_who_is_seeded_while_everybody_is_woken_has_a_task(small: Bench, verb: str) -> None:
    small.start(*ROSTER)
    task = expected_task(small)

    def begin_a_new_epoch() -> None:
        small.pause()
        small.resume()
        small.wake()

    small.deliver(task, small.before(verb, begin_a_new_epoch))

    assert BatchStatus.COMPLETE == small.run().status
    assert list(ROSTER) == stored_ids(small)
    assert 24 == len(small.source.requests)


@pytest.mark.parametrize("verb", ["blobs.read", "store.create_professionals", "queue.enqueue", "store.transact"])
def test_who_is_seeded_while_the_batch_is_cancelled_ends_too(small: Bench, verb: str) -> None:
    small.start(*ROSTER)

    def cancel() -> None:
        small.cancel()
        small.wake()

    small.deliver(expected_task(small), small.before(verb, cancel))

    assert BatchStatus.CANCELLED == small.run().status
    assert {State.CANCELLED} == {who.state for who in small.people()}
    assert [] == small.misbooked()
    assert [] == small.source.requests


def test_a_cancelled_batch_is_seeded_on_so_that_it_drains(small: Bench) -> None:
    small.start(*ROSTER)
    small.cancel()

    batch = small.run()

    assert BatchStatus.CANCELLED == batch.status
    assert {State.CANCELLED} == {who.state for who in small.services.store.professionals(batch.batch_id)}
    assert [] == small.source.requests


def test_finalize_waits_for_those_who_are_not_seeded_yet(small: Bench) -> None:
    small.start(*ROSTER)
    held_back: list[SeedTask] = []
    while tasks := small.due():
        held_back += [task for task in tasks if isinstance(task, SeedTask)]
        for task in tasks:
            if isinstance(task, PageTask):
                small.deliver(task)

    assert (BatchStatus.RUNNING, 6) == (small.batch().status, small.pending())
    small.deliver(held_back[0])
    assert BatchStatus.COMPLETE == small.run().status


def test_everybody_may_end_before_the_last_chunk_has_moved_the_cursor(small: Bench) -> None:
    small.start(*ROSTER[:4])

    def end_everybody() -> None:
        for professional_id in ROSTER[:4]:
            for _ in range(3):
                small.deliver(small.task(professional_id))

    small.deliver(expected_task(small), small.before("store.transact", end_everybody))

    batch = small.run()
    assert (BatchStatus.COMPLETE, None, 1) == (batch.status, batch.op, batch.grading_run)


def test_a_roster_that_ends_too_early_is_corrupt(small: Bench) -> None:
    small.start(*ROSTER)
    task = expected_task(small)
    path = small.folder / "blobs" / small.batch().roster.blob
    path.write_bytes(path.read_bytes()[:6])

    with pytest.raises(CorruptionError, match="professionals are missing"):
        small.deliver(task)
