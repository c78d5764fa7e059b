"""Threads that take turns at work: one works at a time, and lends its turn to the others for as long as it waits."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """
    What threads have one after the other: `with turn.taken():` for the work, `with waiting():` for a wait within it.

    Python runs one thread at a time anyway. Several that want to run change places at every statement that SQLite or
    the operating system takes, and a change costs more than most of those. Who takes a lock within `waiting` must give
    it back there: nobody may hold one that a thread with the turn wants, and want the turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work, when it is this thread's turn."""
        with self._lock:
            _own.lock = self._lock
            try:
                yield
            finally:
                _own.lock = None


class _Own(threading.local):
    lock: "threading.Lock | None" = None
    """Of the turn that this thread has; None in a thread that has none, or has lent it."""


@contextmanager
def waiting() -> Iterator[None]:
    """Lend this thread's turn, if it has one, and take it back at the end."""
    lock, _own.lock = _own.lock, None
    if lock is None:
        yield
        return
    lock.release()
    try:
        yield
    finally:
        lock.acquire()
        _own.lock = lock


_own = _Own()
