import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.waiting import Turns, Waker, apart, crew, receive, send, waker

PATIENCE_SECONDS = 30


@pytest.fixture
def green() -> Iterator[GreenThreads]:
    with GreenThreads("green") as threads:
        yield threads


def done(green: GreenThreads, work: Callable[[], Any]) -> Future[Any]:
    """Have it done, and give its result as a future."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # carried to the test
            future.set_exception(error)

    green.submit(run)
    return future


def test_who_waits_lets_the_others_go_on_in_the_same_thread(green: GreenThreads) -> None:
    wakers: list[Waker] = []

    def waits() -> tuple[bool, int]:
        wakers.append(waker())
        return wakers[0].wait(PATIENCE_SECONDS), threading.get_ident()

    def wakes() -> int:
        wakers[0].set()
        return threading.get_ident()

    waited = done(green, waits)
    thread = done(green, wakes).result(PATIENCE_SECONDS)

    assert (True, thread) == waited.result(PATIENCE_SECONDS)
    assert threading.get_ident() != thread


def test_another_thread_wakes_who_waits(green: GreenThreads) -> None:
    made: Future[Waker] = Future()

    def waits() -> bool:
        made.set_result(own := waker())
        return own.wait(PATIENCE_SECONDS)

    waited = done(green, waits)
    time.sleep(0.05)
    made.result(PATIENCE_SECONDS).set()

    assert waited.result(5)


def test_a_wait_ends_when_its_time_is_over(green: GreenThreads) -> None:
    assert not done(green, lambda: waker().wait(0.05)).result(PATIENCE_SECONDS)


def test_what_blocks_is_called_apart_while_the_others_go_on(green: GreenThreads) -> None:
    is_seen = threading.Event()
    blocking = done(green, lambda: apart(lambda: (is_seen.wait(PATIENCE_SECONDS), threading.get_ident())))
    done(green, is_seen.set).result(PATIENCE_SECONDS)
    thread = done(green, threading.get_ident).result(PATIENCE_SECONDS)

    was_seen, other = blocking.result(PATIENCE_SECONDS)

    assert was_seen
    assert thread != other


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_what_is_raised_apart_is_raised_where_it_was_asked(green: GreenThreads, error: type[BaseException]) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(error):
        done(green, lambda: apart(fails)).result(PATIENCE_SECONDS)


def test_the_end_waits_for_all_work_and_for_what_it_begins() -> None:
    seen = []

    def begins(count: int) -> None:
        waker().wait(0.01)
        seen.append(count)
        if count:
            threads.submit(begins, count - 1)

    with GreenThreads("green") as threads:
        threads.submit(begins, 3)

    assert [3, 2, 1, 0] == seen


def test_outside_of_green_threads_one_is_in_none(green: GreenThreads) -> None:
    assert crew() is None
    assert green is done(green, crew).result(PATIENCE_SECONDS)
    assert done(green, lambda: apart(crew)).result(PATIENCE_SECONDS) is None


# --- turns


def test_turns_come_in_the_order_of_who_asked_in_threads_and_green_threads_alike(green: GreenThreads) -> None:
    turns = Turns()
    order: list[int] = []

    def takes(number: int) -> None:
        assert turns.acquire(PATIENCE_SECONDS)
        order.append(number)
        turns.release()

    turns.acquire()
    futures = []
    for number in range(6):
        if number % 2:
            futures.append(done(green, partial(takes, number)))
        else:
            threading.Thread(target=takes, args=(number,)).start()
        while len(turns._line) <= number:
            time.sleep(0.001)
    turns.release()
    for future in futures:
        future.result(PATIENCE_SECONDS)
    assert turns.acquire(PATIENCE_SECONDS)

    assert list(range(6)) == order


def test_who_gives_up_waiting_loses_nobody_a_turn(green: GreenThreads) -> None:
    turns = Turns()
    turns.acquire()

    assert not done(green, lambda: turns.acquire(0.02)).result(PATIENCE_SECONDS)
    assert not turns.acquire(0.02)
    turns.release()

    assert turns.acquire(0)
    assert not turns.acquire(0)


# --- sockets


def test_much_is_sent_and_received_while_the_other_side_is_slow(green: GreenThreads) -> None:
    here, there = socket.socketpair()
    content = bytes(range(256)) * 8_000
    got = bytearray()

    def receives_all() -> None:
        while len(got) < len(content):
            got.extend(receive(there, 10_000, PATIENCE_SECONDS))

    with here, there:
        sent = done(green, lambda: send(here, content, PATIENCE_SECONDS))
        received = done(green, receives_all)
        sent.result(PATIENCE_SECONDS)
        received.result(PATIENCE_SECONDS)

    assert content == got


@pytest.mark.parametrize("way", ["receive", "send"])
def test_what_does_not_come_or_go_in_time_is_a_timeout(green: GreenThreads, way: str) -> None:
    here, there = socket.socketpair()

    def waits() -> None:
        if way == "receive":
            receive(here, 1, 0.05)
        else:
            send(here, bytes(10_000_000), 0.05)

    with here, there, pytest.raises(TimeoutError):
        done(green, waits).result(PATIENCE_SECONDS)
