"""Group commit: what several green threads bring to be written is written at once, with one sync for all."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from gevent import get_hub
from gevent.hub import Waiter

from prograde.adapters.waiting import crew
from prograde.errors import TransientError

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """
    One thing that many write.

    `write` takes what is to be written, in its order, and gives each its result, or raises and has written nothing.
    A green thread waits until all others wait, too, so nothing is held up but by the work that is at hand; in a
    thread of its own everybody writes alone.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._write = write
        self._brought: _Brought[Item] = _Brought()

    def write(self, item: Item) -> Result:
        """Have it written; returns its result, and raises what its writing raised."""
        if crew() is None:
            return self._write((item,))[0]
        hub = get_hub()
        waiter: Waiter[Result] = Waiter(hub)
        self._brought.items.append((waiter, item))
        if len(self._brought.items) == 1:
            # An idle watcher is called when nothing else has happened that a green thread waits for.
            idle = hub.loop.idle()
            idle.start(self._flush, idle)
        return waiter.get()

    def _flush(self, idle: Any) -> None:  # noqa: ANN401  # gevent's watchers have no public type
        idle.stop()
        idle.close()
        brought, self._brought.items = self._brought.items, []
        try:
            results = self._write([item for _, item in brought])
            assert len(brought) == len(results)
        except BaseException as error:  # noqa: BLE001  # raised where it was brought
            # What fails of our own infrastructure fails for all: to ask it for each would take as long for each.
            if len(brought) == 1 or isinstance(error, TransientError):
                for waiter, _ in brought:
                    waiter.throw(error)
            else:
                self._write_alone(brought)
        else:
            for (waiter, _), result in zip(brought, results, strict=True):
                waiter.switch(result)

    def _write_alone(self, brought: Sequence[tuple["Waiter[Result]", Item]]) -> None:
        """One that cannot be written spoils nobody else's."""
        for waiter, item in brought:
            try:
                result = self._write((item,))[0]
            except BaseException as error:  # noqa: BLE001  # as above
                waiter.throw(error)
            else:
                waiter.switch(result)


class _Brought(threading.local, Generic[Item]):
    """What the green threads of this thread have brought since the last commit, and who waits for its result."""

    def __init__(self) -> None:
        self.items: list[tuple[Waiter[Any], Item]] = []
