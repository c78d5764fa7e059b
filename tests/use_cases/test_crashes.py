"""The process dies between any two lines; its tasks are delivered again, and nothing else comes to help."""

from itertools import count
from pathlib import Path

import pytest

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.effects import FinalizeTask, Task
from prograde.domain.outcome import Failure
from prograde.errors import UnavailableError
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import start_batch
from tests.use_cases.bench import Bench, an_order, opened
from tests.use_cases.interruptions import Crash, crash


def complete(bench: Bench, services: Services) -> tuple[Batch, int]:
    """Run a batch of two to its end, what died being ordered or delivered again; returns how often it died."""
    deaths = 0
    try:
        start_batch(services, an_order("A1", "A2", key="2026-Q4"))
    except Crash:
        deaths += 1
        start_batch(services, an_order("A1", "A2", key="2026-Q4"))
    while tasks := bench.due():
        for task in tasks:
            try:
                bench.deliver(task, services)
            except Crash:
                deaths += 1
                bench.deliver(task, services)
    return bench.batch(), deaths


def test_a_crash_before_any_write_changes_nothing_in_the_end(tmp_path: Path) -> None:
    with opened(tmp_path / "undisturbed") as bench:
        undisturbed, _ = complete(bench, bench.services)
    for nth in count(1):
        with opened(tmp_path / str(nth)) as bench:
            batch, deaths = complete(bench, bench.before_write(nth, crash))

            assert (BatchStatus.COMPLETE, "") == (batch.status, batch.reason)
            assert undisturbed.export_digest == batch.export_digest
            assert 0 == bench.pending()
            assert 3 == bench.professional("A1").calls == bench.professional("A2").calls
            assert 6 <= len(bench.source.requests) <= 7, "a crash wastes one call at most"
        if not deaths:
            break

    assert nth > 30, "there are so many writes"


def last_tasks(bench: Bench) -> list[Task]:
    """Bring A1 to its last page."""
    bench.start("A1")
    for _ in range(2):
        bench.deliver(bench.due()[0])
    return bench.due()


def test_a_crash_between_raw_row_and_count_leaves_evidence_only(bench: Bench) -> None:
    [last] = last_tasks(bench)
    before = bench.professional("A1")

    with pytest.raises(Crash):
        bench.deliver(last, bench.dying_before("store.transact"))

    assert before == bench.professional("A1")
    assert 3 == bench.raw_rows()
    assert () == bench.differences()


def test_a_page_fetched_again_after_a_crash_counts_once(bench: Bench) -> None:
    [last] = last_tasks(bench)
    with pytest.raises(Crash):
        bench.deliver(last, bench.dying_before("store.transact"))

    bench.deliver(last)

    after = bench.professional("A1")
    assert (3, 3, 1) == (len(after.ledger), after.calls, after.aggregate.sold_count)
    assert 4 == bench.raw_rows()
    assert () == bench.differences()


def test_a_page_whose_raw_row_could_not_be_kept_is_not_counted(bench: Bench) -> None:
    bench.start("A1")

    def is_down() -> None:
        raise UnavailableError("the warehouse does not answer")

    with pytest.raises(UnavailableError):
        bench.deliver(bench.task("A1"), bench.before("warehouse.insert_raw_page", is_down))

    assert (0, 0) == (bench.professional("A1").step, bench.professional("A1").failures_in_a_row)


def test_a_failed_call_has_its_raw_row_too(bench: Bench) -> None:
    bench.source.script = [Failure("timeout", "no answer")]
    bench.start("A1")

    bench.deliver(bench.task("A1"))

    assert 1 == bench.raw_rows()


def test_a_task_delivered_again_after_its_commit_enqueues_what_the_crash_swallowed(bench: Bench) -> None:
    bench.start("A1")
    [task] = bench.due()
    with pytest.raises(Crash):
        bench.deliver(task, bench.dying_before("queue.enqueue"))
    assert [] == bench.due()

    bench.deliver(task)

    assert [bench.task("A1")] == bench.due()
    assert 1 == len(bench.source.requests)


def test_the_last_task_delivered_again_enqueues_the_finalize_task_that_the_crash_swallowed(bench: Bench) -> None:
    [last] = last_tasks(bench)
    with pytest.raises(Crash):
        bench.deliver(last, bench.dying_before("queue.enqueue"))

    bench.deliver(last)

    assert [FinalizeTask] == [type(task) for task in bench.due()]
    assert 3 == len(bench.source.requests)
