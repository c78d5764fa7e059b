"""Two deliveries of one step at once: the call of the first returns after the second has committed."""

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import FinalizeTask, PageTask
from prograde.domain.outcome import Failure
from prograde.domain.professional import State
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import Crash


def come_to_last_page(bench: Bench) -> PageTask:
    for _ in range(2):
        bench.deliver(bench.due()[0])
    [last] = bench.due()
    assert isinstance(last, PageTask)
    return last


def test_a_page_fetched_twice_is_counted_once(bench: Bench) -> None:
    bench.start("A1")
    task = bench.task("A1")
    bench.source.in_flight = [lambda: bench.deliver(task)]

    bench.deliver(task)

    after = bench.professional("A1")
    assert 2 == len(bench.source.requests)
    assert (1, 1, 1) == (after.step, after.calls, len(after.ledger))
    assert 2 == bench.raw_rows()
    assert () == bench.differences()


def test_a_failure_that_comes_after_the_page_changes_nothing(bench: Bench) -> None:
    bench.start("A1")
    task = bench.task("A1")
    bench.source.script = [Failure("timeout", "no answer")]
    bench.source.in_flight = [lambda: bench.deliver(task)]

    bench.deliver(task)

    assert (1, 0) == (bench.professional("A1").step, bench.professional("A1").failures_in_a_row)


def test_a_last_page_fetched_twice_closes_its_professional_once(bench: Bench) -> None:
    bench.start("A1", *(f"B{number}" for number in range(16)))
    last = bench.task("A1")
    for _ in range(2):
        bench.deliver(last)
        last = bench.task("A1")
    bench.source.in_flight = [lambda: bench.deliver(last)]

    bench.deliver(last)

    assert State.DONE == bench.professional("A1").state
    assert 16 == bench.pending()


def test_two_last_pages_at_once_are_one_grading_run(bench: Bench) -> None:
    bench.start("A1")
    last = come_to_last_page(bench)
    bench.source.in_flight = [lambda: bench.deliver(last)]

    bench.deliver(last)

    batch = bench.batch()
    assert (BatchStatus.FINALIZING, 1, 16) == (batch.status, batch.grading_run, batch.drained)
    assert [FinalizeTask(batch.batch_id, 1, batch.wake, batch.due_at)] == bench.due()


def test_the_loser_enqueues_what_the_winner_died_before(bench: Bench) -> None:
    bench.start("A1")
    [task] = bench.due()

    def win_and_die() -> None:
        with pytest.raises(Crash):
            bench.deliver(task, bench.dying_before("queue.enqueue"))

    bench.source.in_flight = [win_and_die]
    bench.deliver(task)

    assert [bench.task("A1")] == bench.due()
    assert 1 == bench.professional("A1").step


def test_the_loser_of_the_last_page_enqueues_the_finalize_task_that_the_winner_died_before(bench: Bench) -> None:
    bench.start("A1")
    last = come_to_last_page(bench)

    def win_and_die() -> None:
        with pytest.raises(Crash):
            bench.deliver(last, bench.dying_before("queue.enqueue"))

    bench.source.in_flight = [win_and_die]
    bench.deliver(last)

    assert [FinalizeTask] == [type(task) for task in bench.due()]


def test_a_page_counts_for_a_professional_that_was_woken_during_its_call(bench: Bench) -> None:
    bench.start("A1")
    [task] = bench.due()
    bench.clock.sleep(600.0)
    bench.services.store.raise_watermark("north", bench.clock.now(), bench.clock.now())
    bench.source.in_flight = [bench.supervise]

    bench.deliver(task)
    batch = bench.run()

    after = bench.professional("A1")
    assert (State.DONE, 3, 1) == (after.state, after.calls, after.wake)
    assert BatchStatus.COMPLETE == batch.status
    assert 3 == len(bench.source.requests)
