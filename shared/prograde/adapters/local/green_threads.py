"""Green threads: much work that mostly waits, done by turns in one thread, which is cheaper than a thread for each."""

import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from gevent import get_hub, getcurrent
from gevent.event import Event
from gevent.pool import Group
from gevent.socket import wait_read, wait_write

from prograde.adapters.waiting import Waker, join_crew

T = TypeVar("T")
P = ParamSpec("P")
APART_MAX = 64
"""Calls that block, a connection that is opened say, and so have threads of their own, at once."""


class GreenThreads:
    """
    A thread that takes work from any other and does all of it by turns; a context manager, which ends when all is done.

    Nobody is interrupted: the others go on when one waits by `prograde.adapters.waiting`, or for a group commit. So
    work must not wait in any other way, nor while it holds a lock.
    """

    def __init__(self, name: str) -> None:
        self._orders: deque[Callable[[], object]] = deque()
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name)
        self._apart = ThreadPoolExecutor(APART_MAX, thread_name_prefix=f"apart from {name}")

    def submit(self, work: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        """Have it done, by `work` that raises nothing; not after the end."""
        if threading.current_thread() is self._thread:
            self._greens.spawn(work, *arguments, **named)
        else:
            self._order(lambda: self._greens.spawn(work, *arguments, **named))

    @property
    def is_at_work(self) -> bool:
        """Whether it is a green thread that asks."""
        return getcurrent() is not self._hub

    def waker(self) -> Waker:
        """Make a waker."""
        return Event()  # type: ignore[return-value]  # its stub tells None from a number

    def readable(self, sock: socket.socket, seconds: float) -> None:
        """Wait until something can be received."""
        wait_read(sock.fileno(), seconds, TimeoutError("timed out"))

    def writable(self, sock: socket.socket, seconds: float) -> None:
        """Wait until something can be sent."""
        wait_write(sock.fileno(), seconds, TimeoutError("timed out"))

    def apart(self, function: Callable[[], T]) -> T:
        """Call a function in a thread of its own."""
        is_done = Event()
        called = self._apart.submit(function)
        called.add_done_callback(lambda _: is_done.set())
        is_done.wait()
        return called.result()

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._order(self._is_ending.set)
        self._thread.join()
        self._apart.shutdown()

    def _order(self, order: Callable[[], object]) -> None:
        self._orders.append(order)
        self._ring.send()

    def _run(self) -> None:
        try:
            self._begin()
        except BaseException as error:  # noqa: BLE001  # raised where it is entered
            self._begun.set_exception(error)
            return
        self._begun.set_result(None)
        try:
            self._is_ending.wait()
            self._greens.join()
        finally:
            join_crew(None)
            self._hub.destroy(destroy_loop=True)

    def _begin(self) -> None:
        self._hub = get_hub()
        self._greens = Group()
        self._is_ending = Event()
        self._ring = self._hub.loop.async_()
        self._ring.start(self._take_orders)
        join_crew(self)

    def _take_orders(self) -> None:
        while self._orders:
            self._orders.popleft()()
