"""What wakes the dispatching thread."""

from contextlib import suppress
from queue import Empty, SimpleQueue


class Bell:
    """
    An event that may be set by a signal handler.

    `threading.Event` may not: its lock deadlocks where the handler interrupts the very thread that waits.
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake who waits, or the next one to wait."""
        if self._rings.empty():
            self._rings.put(None)

    def clear(self) -> None:
        """Forget what was set so far."""
        with suppress(Empty):
            while True:
                self._rings.get_nowait()

    def wait(self, seconds: float) -> None:
        """Wait until it is set, `seconds` at most; who waits takes the ring."""
        with suppress(Empty):
            self._rings.get(timeout=seconds)
