"""Which batches' pages stay in the queue for a while, because the source's limits allow no call."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from prograde.ports import Clock


class Holds:
    """
    Holds by batch, until a moment or until something changes that needs no call.

    One page that is refused tells for all of its batch, so that a thousand that wait for an hour cost nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._spans: dict[str, tuple[datetime, datetime]] = {}
        self.lifts = 0
        """How often all were lifted: who was refused before the last time knows nothing of what is now."""

    def begin(self, batch_id: str, seconds: float, lifts: int) -> None:
        """Hold a batch, by what was learned after so many lifts."""
        now = self._clock.now()
        with self._guard:
            if seconds > 0 and lifts == self.lifts:
                self._spans[batch_id] = (now, now + timedelta(seconds=seconds))

    def lift(self) -> bool:
        """Let all go; tells whether there were any."""
        with self._guard:
            self.lifts += 1
            spans, self._spans = self._spans, {}
        return bool(spans)

    def ends(self) -> Mapping[str, datetime]:
        """Tell which batches are held and until when; a clock that was set back ends a hold."""
        if not self._spans:
            return {}
        now = self._clock.now()
        with self._guard:
            self._spans = {each: span for each, span in self._spans.items() if span[0] <= now < span[1]}
            return {each: span[1] for each, span in self._spans.items()}
