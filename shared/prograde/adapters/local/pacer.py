"""The exact pace of one machine: no sliding window of the source's limits ever holds more calls than it may."""

import threading
from collections import deque
from datetime import datetime, timedelta

from prograde.errors import InterruptedCallError
from prograde.ports import Clock

SPACING_SHARE = 0.5
"""Calls keep at least this share of the even spacing: no bursts, and room to catch up after a late wake-up."""

MARGIN_SHARE = 0.005
"""What the window is longer by: calls sent in time arrive with some jitter, and the source counts arrivals."""


class Pacer:
    """
    RateGate for one process and one window of `limit` calls an `interval`.

    A call may leave when the one `limit` calls ago left a whole interval and a margin earlier, by the very times that
    are recorded. A token is spent only by a call that leaves, so nothing is lost to tasks that need none.
    """

    def __init__(self, limit: int, interval: timedelta, clock: Clock) -> None:
        self._limit = limit
        self._window = interval * (1 + MARGIN_SHARE)
        self._spacing = interval * SPACING_SHARE / limit
        self._clock = clock
        self.calls = 0
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._sent: deque[datetime] = deque(maxlen=limit)

    def pass_one(self) -> datetime:
        """Wait for the turn, then until the window allows one more."""
        with self._turn:
            while True:
                now = self._clock.now()
                wait = (self._free_at(now) - now).total_seconds()
                if self._closing.is_set():
                    raise InterruptedCallError("shutting down: the call was not made")
                if wait <= 0:
                    self._sent.append(now)
                    self.calls += 1
                    return now
                self._closing.wait(wait)

    def _free_at(self, now: datetime) -> datetime:
        if not self._sent:
            return now
        if now < self._sent[-1]:
            # The clock was set back: move what is remembered along, so that the distances stay as they were.
            back = self._sent[-1] - now
            self._sent = deque((sent - back for sent in self._sent), maxlen=self._limit)
        free_at = self._sent[-1] + self._spacing
        return max(free_at, self._sent[0] + self._window) if len(self._sent) == self._limit else free_at

    def close(self) -> None:
        """Let nobody pass any more: who waits, and who comes, is told so."""
        self._closing.set()
