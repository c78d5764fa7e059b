"""Pages that the source's limits allow only later wait in the queue, and cost nothing meanwhile."""

import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from prograde.adapters.local.dispatcher import Refusal
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import PageTask, Queue, SoundingTask, task_name
from tests.contracts.specimens import BATCH, PAGE_TASK
from tests.local.functions import PATIENCE_SECONDS, Function, Request, dispatching, running, wait_until, waiting
from tests.local.shifted_clock import ShiftedClock

HOUR = 3_600


def test_one_try_at_a_time_tells_for_a_thousand_that_wait(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    function = Function(lambda _: 429, retry_after=HOUR)
    now = clock.now()
    queue.enqueue([replace(PAGE_TASK, professional_id=f"agent-{number}", due_at=now) for number in range(1_000)])

    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        wait_until(lambda: function.requests and not function.in_hand)
        before = time.process_time()
        time.sleep(2)
        spent = time.process_time() - before
        first = len(function.requests)
        clock.set_by(HOUR)
        queue.changed.set()
        wait_until(lambda: len(function.requests) > first)
        time.sleep(0.1)

    print(f"processor time in a second of a thousand waiting: {spent * 500:.1f} ms")  # noqa: T201  # shown by pytest -s
    assert spent < 0.5
    assert first <= 4, "as many as there are workers"
    assert len(function.requests) <= 2 * 4


def test_a_page_that_is_held_is_not_charged_and_goes_out_when_its_time_has_come(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    function = Function(retry_after=1)
    function.answer = lambda _: 429 if len(function.requests) < 3 else 200
    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])

    dispatcher = dispatching(queue, clock, {"fetch_page": function})
    with running(dispatcher, queue):
        wait_until(lambda: waiting(queue) == 0)
        assert Refusal() == dispatcher.most_refused

    assert [(0, 0)] * 3 == [(request.retries, request.answers) for request in function.requests]
    assert 2.0 <= function.requests[2].at - function.requests[0].at < 4.0


def test_another_batch_goes_on_while_one_is_held(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    function = Function(lambda request: 429 if BATCH.batch_id.encode() in request.body else 200, retry_after=HOUR)
    now = clock.now()
    held = [replace(PAGE_TASK, step=step, due_at=now) for step in range(20)]
    others = [replace(PAGE_TASK, batch_id="south", step=step, due_at=now) for step in range(20)]
    queue.enqueue([task for pair in zip(held, others, strict=True) for task in pair])

    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        wait_until(lambda: waiting(queue) == len(held))

    tries = Counter(request.task for request in function.requests)
    assert {task_name(task) for task in others} <= set(tries)
    assert sum(tries[task_name(task)] for task in held) <= 4


def test_a_sounding_does_not_overtake_a_page_that_is_held(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    refuse = threading.Event()

    def answer(request: Request) -> int:
        if request.path != "/":
            return 200
        refuse.wait(PATIENCE_SECONDS)
        return 429

    function = Function(answer, retry_after=HOUR)
    now = clock.now()
    queue.enqueue([replace(PAGE_TASK, due_at=now), SoundingTask("north", sent_at=now, due_at=now)])
    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        wait_until(lambda: queue.next_due_at(Queue) is None)
        refuse.set()
        wait_until(lambda: queue.next_due_at(Queue) is not None)
        time.sleep(0.2)
        queue.enqueue([SoundingTask("north", sent_at=clock.now(), due_at=clock.now())])
        time.sleep(0.2)

    assert {"/"} == {request.path for request in function.requests}
    again = {delivery.kind: delivery.deliveries for delivery in queue.exchange((), {Queue.PAGES: 10})}
    assert {"page": 1, "sounding": 1} == again


def test_a_clock_that_is_set_back_ends_a_hold(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    function = Function(lambda _: 429, retry_after=HOUR)
    task: PageTask = replace(PAGE_TASK, due_at=clock.now() - timedelta(days=1))
    queue.enqueue([task])

    with running(dispatching(queue, clock, {"fetch_page": function}), queue):
        wait_until(lambda: function.requests and queue.next_due_at(Queue) is not None)
        clock.set_by(-HOUR)
        queue.changed.set()
        wait_until(lambda: len(function.requests) == 2)
