"""Threads that take turns at work: one works at a time, and lends its turn to the others for as long as it waits."""

import threading
from types import TracebackType


class Turn:
    """
    What threads have one after the other: `with turn:` for the work, `with waiting:` for what waits within it.

    Python runs one thread at a time anyway. Several that want to run change places at every statement that SQLite or
    the operating system takes, and a change costs more than most of those. Who asks for a lock within `waiting` must
    give it back there: nobody may hold one that a thread with the turn wants, and want the turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        _own.lock = self._lock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _own.lock = None
        self._lock.release()


class _Own(threading.local):
    lock: "threading.Lock | None" = None
    """Of the turn that this thread has; None in a thread that takes none."""


class _Waiting:
    """Lends this thread's turn; does nothing in a thread that has none."""

    def __enter__(self) -> None:
        if (lock := _own.lock) is not None:
            lock.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if (lock := _own.lock) is not None:
            lock.acquire()


_own = _Own()
waiting = _Waiting()
