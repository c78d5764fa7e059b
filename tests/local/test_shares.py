"""A batch has its share of the workers: a slow source does not hold them all."""

import threading
from dataclasses import replace
from datetime import timedelta

from prograde.adapters.local.dispatcher import Dispatcher
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.adapters.local.wsgi_client import Response
from prograde.adapters.waiting import waker
from prograde.domain.effects import Queue, SoundingTask, task_name
from tests.contracts.specimens import PAGE_TASK
from tests.local.functions import PATIENCE_SECONDS, Function, Request, dispatching, running, wait_until, waiting
from tests.local.shifted_clock import ShiftedClock


def test_a_batch_whose_pages_take_long_leaves_the_others_their_workers(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    slow_is_done = threading.Event()

    def answer(request: Request) -> int:
        if b'"slow"' in request.body:
            assert slow_is_done.wait(PATIENCE_SECONDS)
        return 200

    function = Function(answer)
    now = clock.now()
    # Further on, and so first in the order of the queue.
    slow = [replace(PAGE_TASK, batch_id="slow", step=50 + step, due_at=now) for step in range(20)]
    quick = [replace(PAGE_TASK, batch_id="quick", step=step, due_at=now) for step in range(20)]
    queue.enqueue([*slow, *quick])
    dispatcher = dispatching(queue, clock, {"fetch_page": function}, concurrency=4)
    dispatcher.share(4, {"slow": 2, "quick": 2})

    with running(dispatcher, queue):
        wait_until(lambda: {task_name(task) for task in quick} <= {request.task for request in function.requests})
        wait_until(lambda: waiting(queue) == len(slow))
        assert 2 == function.in_hand
        slow_is_done.set()
        wait_until(lambda: waiting(queue) == 0)


def test_workers_that_look_for_a_page_in_one_commit_take_no_more_than_the_share(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    in_hand = most = 0

    def answer(_: str, body: bytes, __: object) -> Response:
        nonlocal in_hand, most
        is_slow = b'"slow"' in body
        in_hand += is_slow
        most = max(most, in_hand)
        # All that wait for this wake together, and come to one commit.
        waker().wait(0.2 if is_slow else 0.02)
        in_hand -= is_slow
        return Response(200, b"{}")

    now = clock.now()
    quick = [replace(PAGE_TASK, batch_id="quick", professional_id=f"q{each}", due_at=now) for each in range(200)]
    # They fall due while all workers are busy with the others, and when the dispatching thread does not look.
    due_at = now + timedelta(seconds=0.14)
    slow = [
        replace(PAGE_TASK, batch_id="slow", professional_id=f"s{each}", step=50, due_at=due_at) for each in range(9)
    ]
    queue.enqueue([*slow, *quick])
    dispatcher = Dispatcher(queue, dict.fromkeys(("start_batch", "fetch_page", "finalize"), answer), clock, 8)
    dispatcher.share(8, {"slow": 2, "quick": 6})

    with running(dispatcher, queue):
        wait_until(lambda: waiting(queue) == 0)

    assert 2 == most


def test_a_share_that_grows_less_is_kept_as_soon_as_pages_are_finished(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    go_on = threading.Semaphore(0)
    function = Function(lambda _: 200 if go_on.acquire(timeout=PATIENCE_SECONDS) else 500)
    queue.enqueue([replace(PAGE_TASK, step=step, due_at=clock.now()) for step in range(12)])
    dispatcher = dispatching(queue, clock, {"fetch_page": function}, concurrency=4)

    with running(dispatcher, queue):
        wait_until(lambda: function.in_hand == 4)
        dispatcher.share(4, {PAGE_TASK.batch_id: 1})
        for left in range(11, 7, -1):
            go_on.release()
            wait_until(lambda left=left: waiting(queue) == left)  # type: ignore[misc]  # bound at once
        assert function.in_hand <= 1
        go_on.release(8)
        wait_until(lambda: waiting(queue) == 0)


def test_a_sounding_overtakes_no_page_of_a_batch_that_has_its_share(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    now = clock.now()
    page = replace(PAGE_TASK, due_at=now)
    late = SoundingTask("north", now, now + timedelta(microseconds=1))
    early = SoundingTask("south", now, now - timedelta(microseconds=1))
    queue.enqueue([page, late, early])
    clock.set_by(1)

    kept = queue.exchange((), {Queue.PAGES: 9}, lambda _: ({Queue.PAGES: 9}, {page.batch_id}))
    free = queue.exchange((), {Queue.PAGES: 9})

    assert [task_name(early)] == [delivery.name for delivery in kept]
    assert {task_name(page), task_name(late)} == {delivery.name for delivery in free}
