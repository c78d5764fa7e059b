"""Whose turn it is, of the threads that deliver pages."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Aside = Callable[[], AbstractContextManager[object]]
"""What is put around a wait, so that others may work meanwhile."""


class Baton:
    """
    One thread works, the others wait for their sources.

    So it is in the interpreter anyway. But there a thread loses its turn with every file that it touches, sixteen times
    a page, and threads that wake each other cost as much as a fifth of the page. Here it keeps its turn until it waits
    for what takes long.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Work when it is this thread's turn."""
        self._take()
        try:
            yield
        finally:
            self._pass_on()

    @contextmanager
    def put_down(self) -> Iterator[None]:
        """Let others work while this thread waits; nothing for a thread that does not hold it."""
        if self._holder != threading.get_ident():
            yield
            return
        self._pass_on()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        self._turn.acquire()
        self._holder = threading.get_ident()

    def _pass_on(self) -> None:
        self._holder = None
        self._turn.release()
