"""Finalize: only its own grading run, once, and not before the raw rows can be seen."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import FinalizeTask
from prograde.ports import Warehouse
from prograde.use_cases.services import Services
from tests.contracts.set_clock import SetClock
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import WRITES, Crash, crash, interrupted

WAIT_SECONDS_MAX = 60.0


class EventfulClock(SetClock):
    """A set clock during whose nth sleep something happens."""

    def __init__(self, nth: int, happening: Callable[[], object]) -> None:
        super().__init__()
        self.sleeps = 0
        self._nth = nth
        self._happening = happening

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.sleeps += 1
        if self.sleeps == self._nth:
            self._happening()


def finalize_task(bench: Bench) -> FinalizeTask:
    """Run a batch of two until only its finalize task is left."""
    bench.start("A1", "A2")
    while tasks := bench.due():
        for task in tasks:
            if isinstance(task, FinalizeTask):
                return task
            bench.deliver(task)
    raise AssertionError("finalize was never enqueued")


def reading_only(bench: Bench) -> Services:
    """Give services that die of any write."""
    services = bench.services
    return replace(
        services,
        store=interrupted(services.store, WRITES, crash),
        queue=interrupted(services.queue, WRITES, crash),
        warehouse=interrupted(services.warehouse, WRITES, crash),
        blobs=interrupted(services.blobs, WRITES, crash),
    )


def telling_only(bench: Bench) -> Warehouse:
    """Give a warehouse that takes a batch's status, and dies of any other write."""
    return interrupted(bench.services.warehouse, WRITES - {"append_batch"}, crash)


def hidden_raw_rows(bench: Bench) -> Callable[[], object]:
    """Take the raw rows away, and give what brings them back."""
    folder = bench.folder / "warehouse" / "raw_pages" / bench.batch().batch_id
    away = bench.folder / "away"
    folder.rename(away)
    return lambda: away.rename(folder)


def test_a_grading_run_is_published_under_its_own_prefix(bench: Bench) -> None:
    bench.deliver(finalize_task(bench))

    batch = bench.batch()
    assert (BatchStatus.COMPLETE, bench.clock.now(), "") == (batch.status, batch.finished_at, batch.reason)
    assert batch.export_digest
    assert ["001"] == [path.name for path in bench.exports()]
    assert (bench.exports()[0] / "manifest.json").is_file()


# --- tasks that are not the expected one


def test_a_repeated_finalize_task_only_says_again_how_the_batch_ended(bench: Bench) -> None:
    task = finalize_task(bench)
    bench.deliver(task)
    told = bench.statuses()

    bench.deliver(task, replace(reading_only(bench), warehouse=telling_only(bench)))

    assert [*told, "complete"] == bench.statuses()


def test_who_finished_a_batch_and_died_before_telling_so_has_told_so_in_the_end(bench: Bench) -> None:
    task = finalize_task(bench)
    with pytest.raises(Crash):
        bench.deliver(task, bench.dying_before("warehouse.append_batch"))
    assert BatchStatus.COMPLETE == bench.batch().status
    assert "complete" not in bench.statuses()

    bench.deliver(task)

    assert "complete" == bench.statuses()[-1]


def test_the_task_of_an_older_grading_run_touches_nothing(bench: Bench) -> None:
    task = finalize_task(bench)
    bench.put_batch(replace(bench.batch(), grading_run=2))

    bench.deliver(task, reading_only(bench))


@pytest.mark.parametrize("status", [BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.DRAINING])
def test_a_batch_that_is_not_finalizing_is_not_graded(bench: Bench, status: BatchStatus) -> None:
    task = finalize_task(bench)
    bench.put_batch(replace(bench.batch(), status=status))

    bench.deliver(task, reading_only(bench))


def test_the_task_of_an_older_wake_only_enqueues_the_newest(bench: Bench) -> None:
    old = finalize_task(bench)
    bench.put_batch(replace(bench.batch(), wake=old.wake + 1))
    services = reading_only(bench)

    bench.deliver(old, replace(services, queue=bench.queue))

    assert [replace(old, wake=old.wake + 1)] == bench.due()
    assert BatchStatus.FINALIZING == bench.batch().status


def test_of_two_finalizes_at_once_the_first_to_end_counts(bench: Bench) -> None:
    task = finalize_task(bench)

    def overtake() -> None:
        bench.deliver(task)
        bench.clock.sleep(60.0)

    bench.deliver(task, bench.before("warehouse.append_run", overtake))

    assert BatchStatus.COMPLETE == bench.batch().status
    assert bench.clock.now() > (bench.batch().finished_at or bench.clock.now())
    assert ["001"] == [path.name for path in bench.exports()]


def test_a_finalize_that_was_overtaken_while_it_reconciled_writes_no_grades(bench: Bench) -> None:
    task = finalize_task(bench)
    overtaken = bench.before("warehouse.reconcile", lambda: bench.deliver(task))

    bench.deliver(task, replace(overtaken, warehouse=interrupted(overtaken.warehouse, {"load_grades"}, crash)))

    assert BatchStatus.COMPLETE == bench.batch().status


# --- reconciliation


def test_finalize_waits_until_the_counted_raw_rows_can_be_seen(bench: Bench) -> None:
    task = finalize_task(bench)
    clock = EventfulClock(3, hidden_raw_rows(bench))

    bench.deliver(task, replace(bench.services, clock=clock))

    assert 3 == clock.sleeps
    assert (BatchStatus.COMPLETE, "") == (bench.batch().status, bench.batch().reason)


def test_finalize_does_not_wait_for_raw_rows_that_are_there(bench: Bench) -> None:
    clock = EventfulClock(1, crash)

    bench.deliver(finalize_task(bench), replace(bench.services, clock=clock))

    assert BatchStatus.COMPLETE == bench.batch().status


def test_raw_rows_that_never_come_are_named_after_a_bounded_wait(bench: Bench) -> None:
    task = finalize_task(bench)
    hidden_raw_rows(bench)
    started_at = bench.clock.now()

    bench.deliver(task)

    batch = bench.batch()
    assert 0 < (bench.clock.now() - started_at).total_seconds() <= WAIT_SECONDS_MAX
    assert BatchStatus.INCOMPLETE == batch.status
    assert "6 raw rows that were counted are missing" in batch.reason
    assert "A1: " in batch.reason


def test_figures_that_the_raw_rows_do_not_bear_out_make_the_batch_incomplete_and_are_named(bench: Bench) -> None:
    task = finalize_task(bench)
    professional = bench.professional("A2")
    tampered = replace(professional, aggregate=replace(professional.aggregate, sold_count=7))
    bench.services.store.transact(lambda transaction: transaction.put_professional(tampered))

    bench.deliver(task)

    assert BatchStatus.INCOMPLETE == bench.batch().status
    assert "1 figures are not what the raw rows say (A2: sold_count 7, recomputed 1" in bench.batch().reason


def test_a_cancelled_batch_says_what_did_not_reconcile(bench: Bench) -> None:
    task = finalize_task(bench)
    bench.put_batch(replace(bench.batch(), is_cancelled=True))
    hidden_raw_rows(bench)

    bench.deliver(task)

    assert BatchStatus.CANCELLED == bench.batch().status
    assert "missing" in bench.batch().reason
