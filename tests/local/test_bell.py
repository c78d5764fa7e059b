import signal
import threading
import time

from prograde.adapters.local.bell import Bell


def test_who_waits_is_woken_by_another_thread() -> None:
    bell = Bell()
    threading.Timer(0.02, bell.set).start()

    began = time.monotonic()
    bell.wait(30)

    assert time.monotonic() - began < 20


def test_who_waits_is_woken_by_a_signal_handler_of_the_same_thread() -> None:
    bell = Bell()
    earlier = signal.signal(signal.SIGALRM, lambda *_: bell.set())
    signal.setitimer(signal.ITIMER_REAL, 0.02)

    began = time.monotonic()
    bell.wait(30)

    signal.signal(signal.SIGALRM, earlier)
    assert time.monotonic() - began < 20


def test_what_was_set_before_ends_the_next_wait_and_only_that() -> None:
    bell = Bell()
    bell.set()
    bell.set()

    bell.wait(30)

    began = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_what_was_cleared_is_forgotten() -> None:
    bell = Bell()
    bell.set()
    bell.clear()
    bell.clear()

    began = time.monotonic()
    bell.wait(0.05)

    assert time.monotonic() - began >= 0.05
