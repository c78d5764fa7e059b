"""
How code waits that threads run here and green threads there.

Green threads take turns in one thread (`prograde.adapters.local.green_threads`), so what waits in one of them has to
let the others go on. Everything here does, and in a thread of its own it simply waits.
"""

import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Waker(Protocol):
    """Something that one waits for and any other sets, from any thread; once set it stays so."""

    def set(self) -> None:
        """Wake who waits, or let it pass."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, `timeout` seconds at most; tell whether it is."""


class Crew(Protocol):
    """Green threads, as seen by the code that they run."""

    @property
    def is_at_work(self) -> bool:
        """Whether it is a green thread that asks, and not what switches between them."""

    def waker(self) -> Waker:
        """Make a waker for the green thread that asks."""

    def readable(self, sock: socket.socket, seconds: float) -> None:
        """Wait until something can be received; raises TimeoutError."""

    def writable(self, sock: socket.socket, seconds: float) -> None:
        """Wait until something can be sent; raises TimeoutError."""

    def apart(self, function: Callable[[], T]) -> T:
        """Call a function in a thread of its own, and wait for it."""


class _Thread(threading.local):
    crew: Crew | None = None


_thread = _Thread()


def join_crew(crew: Crew | None) -> None:
    """Say that the green threads of this thread are these; None at their end."""
    _thread.crew = crew


def crew() -> Crew | None:
    """Tell whose green thread runs this; None in a thread of its own."""
    own = _thread.crew
    return own if own is not None and own.is_at_work else None


def waker() -> Waker:
    """Make a waker for who asks."""
    own = crew()
    return threading.Event() if own is None else own.waker()


def apart(function: Callable[[], T]) -> T:
    """Call what may block in other ways than those below, such as asking for a host's address."""
    own = crew()
    return function() if own is None else own.apart(function)


class Turns:
    """So many may go on at once, the others in the order in which they came."""

    def __init__(self, count: int = 1) -> None:
        self._guard = threading.Lock()
        self._free = count
        self._line: deque[Waker] = deque()

    def acquire(self, seconds: float | None = None) -> bool:
        """Wait for a turn, at most so long; tell whether it came."""
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            own = waker()
            self._line.append(own)
        try:
            if own.wait(seconds):
                return True
        except BaseException:
            if not self._leave(own):
                self.release()
            raise
        return not self._leave(own)

    def _leave(self, own: Waker) -> bool:
        """Leave the line; False for who has got a turn at that very moment."""
        with self._guard:
            if own not in self._line:
                return False
            self._line.remove(own)
            return True

    def release(self) -> None:
        """Hand the turn to whoever has waited the longest."""
        with self._guard:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1


def receive(sock: socket.socket, bytes_max: int, seconds: float) -> bytes:
    """Receive what comes next, b"" at the end; raises OSError, TimeoutError among them."""
    own = crew()
    if own is None:
        sock.settimeout(seconds)
        try:
            return sock.recv(bytes_max)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            # Only without any time to wait.
            raise TimeoutError("timed out") from None
    return _as_soon_as_ready(own, sock, lambda: sock.recv(bytes_max), own.readable, time.monotonic() + seconds)


def send(sock: socket.socket, content: bytes, seconds: float) -> None:
    """Send all of it; raises OSError, TimeoutError among them."""
    own = crew()
    if own is None:
        sock.settimeout(seconds)
        sock.sendall(content)
        return
    ends_at = time.monotonic() + seconds
    rest = memoryview(content)
    while rest:
        rest = rest[_as_soon_as_ready(own, sock, lambda: sock.send(rest), own.writable, ends_at) :]  # noqa: B023  # called at once


def _as_soon_as_ready(
    own: Crew,
    sock: socket.socket,
    attempt: Callable[[], T],
    wait: Callable[[socket.socket, float], None],
    ends_at: float,
) -> T:
    """Try until it does not have to wait; TLS may have to receive before it can send, and the other way round."""
    sock.settimeout(0)
    while True:
        try:
            return attempt()
        except BlockingIOError:
            wait_for = wait
        except ssl.SSLWantReadError:
            wait_for = own.readable
        except ssl.SSLWantWriteError:
            wait_for = own.writable
        left = ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        wait_for(sock, left)
