"""Supervise: what lost its task gets a new one, and a backlog is not mistaken for that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.effects import FinalizeTask, PageTask, SeedTask, SoundingTask, Task
from prograde.domain.professional import Professional
from prograde.domain.source_health import Pace
from prograde.ports import TaskQueue
from prograde.use_cases import seed as seeding
from prograde.use_cases import start_batch as starting
from prograde.use_cases.start_batch import start_batch
from tests.contracts.specimens import NOON, SECOND
from tests.use_cases.bench import Bench, an_order
from tests.use_cases.interruptions import Crash, crash

GRACE = timedelta(seconds=120)
FINALIZE_GRACE = timedelta(minutes=30)


def come_to_finalizing(bench: Bench) -> Batch:
    """Run a batch of one until its last page, and lose the finalize task."""
    bench.start("A1")
    for _ in range(3):
        bench.deliver(bench.due()[0])
    assert {FinalizeTask} == kinds(bench.due())
    return bench.batch()


def kinds(tasks: list[Task]) -> set[type[Task]]:
    return {type(task) for task in tasks}


@pytest.fixture
def lost(bench: Bench) -> Bench:
    """Give a bench on which the tasks of A1 and A2, due at noon, were lost."""
    bench.start("A1", "A2")
    bench.due()
    return bench


def pass_over(bench: Bench) -> None:
    """Let the page queue come as far as the present, which is ten minutes on."""
    bench.clock.sleep(600.0)
    bench.deliver(SoundingTask("north", sent_at=bench.clock.now(), due_at=bench.clock.now()))


# --- professionals


def test_who_was_passed_over_gets_a_new_task(lost: Bench) -> None:
    pass_over(lost)

    lost.supervise()

    assert [1, 1] == [lost.professional(who).wake for who in ("A1", "A2")]
    assert lost.clock.now() == lost.professional("A1").due_at
    pages = {task for task in lost.due() if isinstance(task, PageTask)}
    assert {lost.task("A1"), lost.task("A2")} == pages


def test_everybody_who_was_passed_over_comes_to_an_end(lost: Bench) -> None:
    for _ in range(2):
        lost.clock.sleep(600.0)
        lost.supervise()
        lost.run()

    assert BatchStatus.COMPLETE == lost.batch().status
    assert 6 == len(lost.source.requests)


def test_who_waits_behind_a_backlog_is_not_woken_however_long(bench: Bench) -> None:
    bench.start("A1", "A2")
    for _ in range(10):
        bench.clock.sleep(600.0)
        bench.supervise()

    assert [0, 0] == [bench.professional(who).wake for who in ("A1", "A2")]


def test_a_sounding_delivered_late_tells_only_how_far_the_queue_had_come(lost: Bench) -> None:
    sounding = SoundingTask("north", sent_at=NOON + GRACE, due_at=NOON + GRACE)
    lost.clock.sleep(3_000.0)
    lost.deliver(sounding)

    lost.supervise()

    assert 0 == lost.professional("A1").wake


@pytest.mark.parametrize(("later", "wake"), [(timedelta(), 0), (SECOND, 1)])
def test_the_grace_is_measured_from_the_watermark(lost: Bench, later: timedelta, wake: int) -> None:
    lost.clock.sleep(3_000.0)
    sent_at = NOON + GRACE + later
    lost.deliver(SoundingTask("north", sent_at, sent_at))

    lost.supervise()

    assert wake == lost.professional("A1").wake


def test_each_supervise_sends_a_sounding_through_the_page_queue(bench: Bench) -> None:
    bench.start("A1")
    bench.due()
    for _ in range(2):
        bench.clock.sleep(60.0)
        bench.supervise()
        assert [SoundingTask("north", bench.clock.now(), bench.clock.now())] == bench.due()


def test_a_delivered_sounding_raises_the_watermark_and_never_lowers_it(bench: Bench) -> None:
    bench.clock.sleep(1.0)
    for sent_at in (NOON + SECOND, NOON):
        bench.deliver(SoundingTask("north", sent_at, sent_at))

    assert NOON + SECOND == bench.services.store.watermark("north")


def test_a_clock_that_once_stood_ahead_wakes_nobody(lost: Bench) -> None:
    lost.clock.moment = NOON + timedelta(days=365)
    lost.deliver(SoundingTask("north", lost.clock.now(), lost.clock.now()))
    lost.clock.moment = NOON + 5 * GRACE

    lost.supervise()
    assert 0 == lost.professional("A1").wake

    pass_over(lost)
    lost.supervise()
    assert 1 == lost.professional("A1").wake


def test_a_sounding_that_was_sent_ahead_of_the_present_tells_of_the_present(bench: Bench) -> None:
    bench.deliver(SoundingTask("north", NOON + SECOND, NOON + SECOND))

    assert NOON == bench.services.store.watermark("north")


def test_how_far_another_source_s_queue_has_come_says_nothing(lost: Bench) -> None:
    lost.clock.sleep(600.0)
    lost.deliver(SoundingTask("south", sent_at=lost.clock.now(), due_at=lost.clock.now()))

    lost.supervise()

    assert [0, 0] == [lost.professional(who).wake for who in ("A1", "A2")]


def test_who_was_woken_a_moment_ago_is_not_woken_again(lost: Bench) -> None:
    pass_over(lost)
    for _ in range(2):
        lost.supervise()

    assert 1 == lost.professional("A1").wake


def test_two_supervises_at_once_wake_nobody_twice(lost: Bench) -> None:
    pass_over(lost)
    services = lost.before("store.transact", lost.supervise)

    lost.supervise(services)

    assert [1, 1] == [lost.professional(who).wake for who in ("A1", "A2")]


def test_who_moved_on_meanwhile_is_not_woken(lost: Bench) -> None:
    pass_over(lost)
    moved_on: list[Professional] = []

    def move_on() -> None:
        lost.deliver(lost.task("A1"))
        moved_on.append(lost.professional("A1"))

    lost.supervise(lost.before("store.transact", move_on))

    assert moved_on == [lost.professional("A1")]


def test_who_ended_meanwhile_is_not_woken(lost: Bench) -> None:
    pass_over(lost)

    def end_a1() -> None:
        # Ended long ago, by a clock that runs late.
        lost.clock.sleep(-600.0)
        for _ in range(3):
            lost.deliver(lost.task("A1"))
        lost.clock.sleep(600.0)

    lost.supervise(lost.before("store.transact", end_a1))

    assert (3, 0) == (lost.professional("A1").step, lost.professional("A1").wake)


def test_who_lost_a_task_of_a_cancelled_batch_is_woken_too(lost: Bench) -> None:
    lost.cancel()
    pass_over(lost)

    lost.supervise()

    assert BatchStatus.CANCELLED == lost.run().status


def test_who_was_woken_by_a_chain_that_died_before_the_task_is_woken(bench: Bench) -> None:
    bench.start("A1")
    bench.due()
    bench.pause()
    bench.resume()
    [chain] = bench.due()
    with pytest.raises(Crash):
        bench.deliver(chain, bench.dying_before("queue.enqueue"))
    pass_over(bench)

    bench.supervise()

    assert 2 == bench.professional("A1").wake
    assert BatchStatus.COMPLETE == bench.run().status


# --- batches


def test_a_batch_whose_seed_task_was_lost_gets_a_new_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "CHUNK", 1)
    monkeypatch.setattr(starting, "INLINE_CHUNKS", 1)
    before = bench.start("A1", "A2")
    assert SeedTask in kinds(bench.due())
    bench.clock.moment = before.due_at + GRACE

    bench.supervise()

    batch = bench.batch()
    assert (before.wake + 1, bench.clock.now()) == (batch.wake, batch.due_at)
    assert SeedTask(batch.batch_id, batch.wake, 3, batch.due_at) in bench.due()


def test_a_batch_whose_seeding_never_began_is_seeded(bench: Bench) -> None:
    with pytest.raises(Crash):
        starting.start_batch(bench.dying_before("blobs.read"), an_order("A1"))
    bench.clock.moment += GRACE

    bench.supervise()

    assert BatchStatus.COMPLETE == bench.run().status


def test_a_batch_whose_finalize_task_was_lost_gets_a_new_one(bench: Bench) -> None:
    finalizing = come_to_finalizing(bench)
    bench.clock.moment = finalizing.due_at + FINALIZE_GRACE

    bench.supervise()

    batch = bench.batch()
    assert (finalizing.wake + 1, 1) == (batch.wake, batch.grading_run)
    assert FinalizeTask(batch.batch_id, 1, batch.wake, batch.due_at) in bench.due()


def test_a_batch_within_its_grace_is_left_alone(bench: Bench) -> None:
    finalizing = come_to_finalizing(bench)
    bench.clock.moment = finalizing.due_at + FINALIZE_GRACE - SECOND

    bench.supervise()

    assert finalizing == bench.batch()


def test_two_supervises_at_once_wake_a_batch_once(bench: Bench) -> None:
    finalizing = come_to_finalizing(bench)
    bench.clock.moment = finalizing.due_at + FINALIZE_GRACE

    bench.supervise(bench.before("store.transact", bench.supervise))

    assert finalizing.wake + 1 == bench.batch().wake


def test_a_batch_that_only_has_pages_to_wait_for_is_not_woken(lost: Bench) -> None:
    before = lost.batch()
    pass_over(lost)

    lost.supervise()

    assert before == lost.batch()


def test_a_paused_batch_is_skipped(lost: Bench) -> None:
    lost.pause()
    before = lost.batch()
    pass_over(lost)

    lost.supervise()

    assert before == lost.batch()
    assert 0 == lost.professional("A1").wake
    assert [] == lost.due_later()


def test_batches_that_are_over_are_not_even_read(lost: Bench) -> None:
    pass_over(lost)

    lost.supervise(lost.before("store.batches", crash))

    assert 1 == lost.professional("A1").wake


def test_nothing_is_sounded_when_every_batch_is_over(bench: Bench) -> None:
    bench.start("A1")
    bench.run()
    pass_over(bench)

    bench.supervise()

    assert [] == bench.due_later()


# --- the pace of the queues


class Paces:
    """Keeps what a queue is told of its pace, beside doing it."""

    def __init__(self, queue: TaskQueue) -> None:
        self.told: list[tuple[str, float]] = []
        self.enqueue = queue.enqueue
        self.check = queue.check

    def pace(self, source: str, share: float) -> None:
        self.told.append((source, share))


def test_a_queue_is_sent_as_slowly_as_its_source_bears(bench: Bench) -> None:
    batch = bench.start("A1")
    bench.put_batch(replace(batch, pace=Pace(0.25, bench.clock.now())))
    queue = Paces(bench.queue)
    for _ in range(3):
        bench.supervise(replace(bench.services, queue=queue))
        bench.clock.sleep(60.0)

    assert [("north", 0.25), ("north", 0.75), ("north", 1.0)] == queue.told


def test_batches_of_one_source_go_at_the_slowest_one_s_pace(bench: Bench) -> None:
    bench.put_batch(replace(bench.start("A1"), pace=Pace(0.5, bench.clock.now())))
    start_batch(bench.services, an_order("A2", key="another"))
    queue = Paces(bench.queue)

    bench.supervise(replace(bench.services, queue=queue))

    assert [("north", 0.5)] == queue.told


def test_no_pace_is_set_while_nothing_runs(bench: Bench) -> None:
    bench.start("A1")
    bench.pause()
    queue = Paces(bench.queue)

    bench.supervise(replace(bench.services, queue=queue))

    assert [] == queue.told


def test_a_batch_that_drains_without_a_chain_is_given_one(bench: Bench) -> None:
    bench.start("A1", "A2")
    bench.cancel()
    bench.due()
    bench.put_batch(replace(bench.batch(), waking=None))

    bench.supervise()

    assert BatchStatus.CANCELLED == bench.run().status
    assert [] == bench.misbooked()
