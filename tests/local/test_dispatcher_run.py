import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import PageTask, SeedTask
from prograde.errors import UnavailableError
from tests.contracts.specimens import BATCH, PAGE_TASK
from tests.local.functions import Function, Request, dispatching, running, wait_until, waiting
from tests.local.shifted_clock import ShiftedClock

# --- stopping


def test_stopping_waits_for_what_is_in_hand_and_hands_out_no_more(
    queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]
) -> None:
    stopping, release = threading.Event(), threading.Event()

    def answer(_: Request) -> int:
        stopping.set()
        queue.changed.set()
        assert release.wait(30)
        return 200

    function = Function(answer)
    queue.enqueue(pages)
    dispatcher = dispatching(queue, clock, {"fetch_page": function}, 2)
    thread = threading.Thread(target=dispatcher.run, args=(lambda: False, stopping))
    thread.start()
    wait_until(stopping.is_set)
    time.sleep(0.05)
    assert thread.is_alive()
    release.set()
    thread.join(30)

    assert not thread.is_alive()
    assert len(pages) - len(function.requests) == waiting(queue)
    assert len(function.requests) <= 2


def test_a_run_that_is_over_ends(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    function = Function()
    queue.enqueue(pages)

    dispatching(queue, clock, {"fetch_page": function}).run(
        lambda: len(function.requests) == len(pages), threading.Event()
    )

    assert 0 == waiting(queue)


def test_a_queue_file_that_fails_ends_the_run(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    def answer(_: Request) -> int:
        with queue._file.read() as connection:
            connection.execute("PRAGMA query_only = ON")
        return 503

    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])

    with pytest.raises(UnavailableError, match="readonly"):
        dispatching(queue, clock, {"fetch_page": Function(answer)}).run(lambda: False, threading.Event())


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_a_function_that_breaks_ends_the_run(
    queue: SqliteTaskQueue, clock: ShiftedClock, error: type[BaseException]
) -> None:
    def answer(_: Request) -> int:
        raise error

    queue.enqueue([replace(PAGE_TASK, due_at=clock.now())])

    with pytest.raises(error):
        dispatching(queue, clock, {"fetch_page": Function(answer)}).run(lambda: False, threading.Event())


# --- between deliveries


@pytest.mark.parametrize("seconds", [61, -1], ids=["a minute later", "after the clock was set back"])
def test_supervise_is_posted_each_minute(queue: SqliteTaskQueue, clock: ShiftedClock, seconds: float) -> None:
    function = Function(lambda _: 503)

    with running(dispatching(queue, clock, {"start_batch": function}), queue):
        time.sleep(0.05)
        assert [] == function.requests
        for times in (1, 2):
            clock.set_by(seconds)
            queue.changed.set()
            wait_until(lambda: len(function.requests) == times)  # noqa: B023  # waited for in this turn

    assert {"/tasks/supervise"} == {request.path for request in function.requests}


def test_a_supervise_that_takes_long_is_not_joined_by_another(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    go_on = threading.Event()
    function = Function(lambda _: 200 if go_on.wait(30) else 500)

    with running(dispatching(queue, clock, {"start_batch": function}), queue):
        time.sleep(0.05)
        for _ in range(3):
            clock.set_by(61)
            queue.changed.set()
            wait_until(lambda: function.requests)
            time.sleep(0.05)
        assert 1 == len(function.requests)
        go_on.set()
        wait_until(lambda: len(function.requests) == 2)


def test_a_supervise_that_breaks_ends_the_run(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    def answer(_: Request) -> int:
        raise ZeroDivisionError

    function = Function(answer)

    def run() -> None:
        with running(dispatching(queue, clock, {"start_batch": function}), queue):
            time.sleep(0.05)
            clock.set_by(61)
            queue.changed.set()
            wait_until(lambda: function.requests)

    with pytest.raises(ZeroDivisionError):
        run()


def test_waiting_takes_no_processor(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    release = threading.Event()

    def answer(_: Request) -> int:
        assert release.wait(30)
        return 200

    seeding = Function(answer)
    # One task in hand, one due behind it that its queue has no worker for, one not yet due.
    queue.enqueue([SeedTask(BATCH.batch_id, 0, offset, clock.now()) for offset in range(2)])
    queue.enqueue([replace(PAGE_TASK, due_at=clock.now() + timedelta(hours=1))])

    with running(dispatching(queue, clock, {"start_batch": seeding}), queue):
        wait_until(lambda: seeding.requests)
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(1)
        spent = time.process_time() - before
        release.set()

    print(f"processor time in a second of waiting: {spent * 1000:.1f} ms")  # noqa: T201  # shown by pytest -s
    assert spent < 0.5
