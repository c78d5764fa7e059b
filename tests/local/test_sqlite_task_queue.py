from dataclasses import replace
from datetime import timedelta

from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import PageTask, Queue, SeedTask, task_name
from tests.contracts.specimens import BATCH
from tests.local.functions import waiting
from tests.local.shifted_clock import ShiftedClock


def test_who_is_furthest_on_is_taken_first_then_who_is_due_the_longest(
    queue: SqliteTaskQueue, pages: list[PageTask]
) -> None:
    tasks = [
        replace(page, step=page.step % 3, wake=page.step, due_at=page.due_at - timedelta(seconds=page.step * 7 % 20))
        for page in pages
    ]
    queue.enqueue(tasks)

    expected = [task_name(task) for task in sorted(tasks, key=lambda task: (-task.step, task.due_at))]
    assert expected[:15] == [delivery.name for delivery in queue.exchange((), {Queue.PAGES: 15})]


def test_a_name_is_free_again_after_hours(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    queue.enqueue(pages)
    queue.exchange([delivery.name for delivery in queue.exchange((), {Queue.PAGES: 20})], {})
    assert 0 == waiting(queue)

    clock.set_by(3_700)
    queue.exchange(["unknown"], {})
    queue.enqueue(pages)

    assert len(pages) == waiting(queue)


def test_only_what_waits_is_next(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    later = clock.now() + timedelta(hours=1)
    queue.enqueue([*pages, SeedTask(BATCH.batch_id, 0, 0, later)])
    assert pages[0].due_at == queue.next_due_at(Queue)

    queue.exchange((), {Queue.PAGES: 20})

    assert queue.next_due_at([Queue.PAGES]) is None
    assert later == queue.next_due_at(Queue)
    assert queue.next_due_at([]) is None


def test_nothing_that_is_asked_for_each_delivery_walks_the_backlog(queue: SqliteTaskQueue) -> None:
    statements: list[str] = []
    with queue._file.read() as connection:
        connection.set_trace_callback(statements.append)
    queue.next_due_at(Queue)
    queue.exchange([delivery.name for delivery in queue.exchange((), {Queue.PAGES: 1})], {})

    with queue._file.read() as connection:
        connection.set_trace_callback(None)
        asked = [text for text in statements if text.startswith(("SELECT", "UPDATE", "DELETE"))]
        steps = [step for text in asked for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {text}")]

    assert len(asked) >= 4
    assert [] == [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]
