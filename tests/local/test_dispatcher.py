import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from prograde.adapters.documents import write_task
from prograde.adapters.local.dispatcher import Refusal
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import FinalizeTask, PageTask, Queue, SeedTask, SoundingTask, Task, task_name
from tests.contracts.specimens import BATCH, PAGE_TASK
from tests.local.functions import PATIENCE_SECONDS, Function, Request, dispatching, running, wait_until, waiting
from tests.local.shifted_clock import ShiftedClock

# --- delivering


@pytest.mark.parametrize(
    ("make", "function", "path", "at"),
    [
        (lambda now: replace(PAGE_TASK, due_at=now), "fetch_page", "/", Queue.PAGES),
        (lambda now: SoundingTask("north", now, now), "fetch_page", "/sounding", Queue.PAGES),
        (lambda now: SeedTask(BATCH.batch_id, 0, 0, now), "start_batch", "/tasks/seed", Queue.CONTROL),
        (lambda now: FinalizeTask(BATCH.batch_id, 1, 0, now), "finalize", "/", Queue.CONTROL),
    ],
    ids=["page", "sounding", "seed", "finalize"],
)
def test_a_task_reaches_its_function(
    queue: SqliteTaskQueue, clock: ShiftedClock, make: Callable[..., Task], function: str, path: str, at: Queue
) -> None:
    target, task = Function(), make(clock.now())
    queue.enqueue([task])

    with running(dispatching(queue, clock, {function: target}), queue):
        wait_until(lambda: target.requests)

    (request,) = target.requests
    assert (path, write_task(task).encode()) == (request.path, request.body)
    assert (at, task_name(task), 0) == (request.queue, request.task, request.retries)


def test_tasks_are_delivered_once_and_then_never_again(
    queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]
) -> None:
    function = Function()
    queue.enqueue(pages)

    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        wait_until(lambda: waiting(queue) == 0)
        queue.enqueue(pages)
        queue.enqueue([replace(pages[0], step=99)])
        wait_until(lambda: len(function.requests) > len(pages))
    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        time.sleep(0.1)

    assert len(pages) + 1 == len({request.task for request in function.requests}) == len(function.requests)


def test_a_task_is_delivered_when_it_is_due_and_not_before(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    function = Function()
    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        began = time.monotonic()
        queue.enqueue([replace(PAGE_TASK, due_at=clock.now() + timedelta(seconds=0.3))])
        wait_until(lambda: function.requests)

    assert 0.3 <= function.requests[0].at - began < 10


def test_no_more_are_in_hand_than_may_be(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    def slow(_: Request) -> int:
        time.sleep(0.02)
        return 200

    fetch_page, start_batch = Function(slow), Function(slow)
    queue.enqueue([*pages, *(SeedTask(BATCH.batch_id, 0, offset, clock.now()) for offset in range(5))])

    with running(dispatching(queue, clock, {"fetch_page": fetch_page, "start_batch": start_batch}, 3), queue):
        wait_until(lambda: waiting(queue) == 0)

    assert (3, 1) == (fetch_page.in_hand_max, start_batch.in_hand_max)


def test_the_longest_due_goes_first(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    function = Function()
    ages = [7, 3, 19, 0, 11, 5]
    tasks = [
        replace(page, step=0, wake=age, due_at=page.due_at - timedelta(seconds=age))
        for page, age in zip(pages, ages, strict=False)
    ]
    queue.enqueue(tasks)

    with running(dispatching(queue, clock, {"fetch_page": function}, 1), queue):
        wait_until(lambda: waiting(queue) == 0)

    expected = [task_name(task) for task in sorted(tasks, key=lambda task: task.due_at)]
    assert expected == [request.task for request in function.requests]


# --- delivering again


@pytest.mark.parametrize("status", [300, 404, 503])
def test_what_is_not_acknowledged_is_delivered_again_later_and_later(
    queue: SqliteTaskQueue, clock: ShiftedClock, status: int
) -> None:
    function = Function(lambda request: 204 if request.retries == 2 else status)
    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])

    dispatcher = dispatching(queue, clock, {"fetch_page": function})
    with running(dispatcher, queue):
        wait_until(lambda: dispatcher.most_refused == Refusal(2, "page", f"{status} the answer", PAGE_TASK.batch_id))
        wait_until(lambda: waiting(queue) == 0)

    assert Refusal() == dispatcher.most_refused, "what was delivered in the end is not held against it"
    assert [(0, 0), (1, 1), (2, 2)] == [(request.retries, request.answers) for request in function.requests]
    first, second = (later.at - earlier.at for earlier, later in pairwise(function.requests))
    assert first >= 0.2
    assert second >= 0.4


def test_what_is_refused_again_and_again_stands_in_the_log_of_its_batch_at_first_and_then_seldom(
    queue: SqliteTaskQueue, clock: ShiftedClock, caplog: pytest.LogCaptureFixture
) -> None:
    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])

    dispatcher = dispatching(queue, clock, {"fetch_page": Function(lambda request: 400)})
    with running(dispatcher, queue):
        wait_until(lambda: dispatcher.most_refused.times)
        assert "" == dispatcher.refusal_of(PAGE_TASK.batch_id), "it may heal by itself"
        wait_until(lambda: caplog.records)
    assert ("400 the answer", "") == (dispatcher.refusal_of(PAGE_TASK.batch_id), dispatcher.refusal_of("another"))

    (line,) = caplog.records
    expected = {
        "batch_id": PAGE_TASK.batch_id,
        "professional_id": PAGE_TASK.professional_id,
        "step": PAGE_TASK.step,
        "kind": "page",
        "times": 4,
        "answer": "400 the answer",
    }
    assert ("WARNING", "a task is refused again and again") == (line.levelname, line.getMessage())
    assert expected == {name: value for name, value in line.__dict__.items() if name in expected}


def test_what_was_in_hand_when_a_process_died_is_delivered_again(
    queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask], tmp_path: Path
) -> None:
    queue.enqueue(pages)
    taken = {delivery.name for delivery in queue.exchange((), {Queue.PAGES: 5})}
    queue.close()
    function = Function()

    with (
        closing(SqliteTaskQueue(tmp_path / "queue", clock)) as reopened,
        running(dispatching(reopened, clock, {"fetch_page": function}), reopened),
    ):
        wait_until(lambda: waiting(reopened) == 0)

    assert taken == {request.task for request in function.requests if request.retries == 1}
    assert len(pages) == len(function.requests)


def test_a_sounding_waits_until_every_page_handed_out_before_it_is_finished(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    let_go = threading.Event()
    delivered = []

    def answer(request: Request) -> int:
        if request.path == "/":
            let_go.wait(PATIENCE_SECONDS)
        delivered.append(request.path)
        return 200

    now = clock.now()
    queue.enqueue([replace(PAGE_TASK, due_at=now), SoundingTask("north", sent_at=now, due_at=now)])
    with running(dispatching(queue, clock, {"fetch_page": Function(answer)}), queue):
        wait_until(lambda: queue.next_due_at(Queue) is None)
        time.sleep(0.1)
        assert [] == delivered
        let_go.set()
        wait_until(lambda: waiting(queue) == 0)

    assert ["/", "/sounding"] == delivered


def test_what_is_refused_after_the_end_goes_back_as_if_it_had_not_been_delivered(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    let_go = threading.Event()

    def answer(_: Request) -> int:
        queue.changed.set()
        let_go.wait(PATIENCE_SECONDS)
        return 503

    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])
    function = Function(answer)
    dispatcher = dispatching(queue, clock, {"fetch_page": function})
    dispatcher.run(lambda: bool(function.requests), threading.Event(), let_go.set)

    (again,) = queue.exchange((), {Queue.PAGES: 1})
    assert (1, 0) == (again.deliveries, again.answers)


def test_a_new_task_wakes_nobody_while_every_worker_looks_for_its_next_one_itself(
    queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]
) -> None:
    watched: list[bool] = []

    def answer(_: Request) -> int:
        if len(watched) < 5:
            queue.enqueue([replace(PAGE_TASK, step=100 + len(watched), due_at=clock.now())])
            watched.append(Queue.PAGES in queue.watched)
        return 200

    queue.enqueue(pages[:1])
    function = Function(answer)
    with running(dispatching(queue, clock, {"fetch_page": function}, 1), queue):
        wait_until(lambda: len(function.requests) == 6)
        wait_until(lambda: Queue.PAGES in queue.watched)

    assert [False] * 5 == watched
