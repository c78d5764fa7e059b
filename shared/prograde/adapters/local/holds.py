"""Which batches' pages stay in the queue for a while, because the source's limits allow no call."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from prograde.ports import Clock


class Holds:
    """
    Holds by batch, until a moment.

    One page that is refused tells for all of its batch, so that a thousand that wait for an hour cost nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._spans: dict[str, tuple[datetime, datetime]] = {}

    def begin(self, batch_id: str, seconds: float) -> None:
        """Hold a batch."""
        now = self._clock.now()
        with self._guard:
            if seconds > 0:
                self._spans[batch_id] = (now, now + timedelta(seconds=seconds))

    def ends(self) -> Mapping[str, datetime]:
        """Tell which batches are held and until when; a clock that was set back ends a hold."""
        if not self._spans:
            return {}
        now = self._clock.now()
        with self._guard:
            self._spans = {each: span for each, span in self._spans.items() if span[0] <= now < span[1]}
            return {each: span[1] for each, span in self._spans.items()}
