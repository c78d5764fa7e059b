"""How often one token may call."""

import math
import re
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

CALLS_MAX = 1_000_000
WINDOW_SECONDS_MAX = 31 * 86_400

_RATE = re.compile(r"(?P<calls>[0-9]{1,9})(?:/(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,6})?))?")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many calls in any half-open window of so many seconds."""

    calls: int
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.calls <= CALLS_MAX:
            raise ValueError(f"a rate allows 1 to {CALLS_MAX:,} calls, not {self.calls:,}")
        if not 0 < self.seconds <= WINDOW_SECONDS_MAX:
            raise ValueError(f"a rate's window lasts more than 0 and at most {WINDOW_SECONDS_MAX:,} seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `N` or `N/SECONDS`; raises ValueError."""
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no rate: write it as 20 (a second) or 5000/3600 (in so many seconds)")
        return cls(int(match["calls"]), float(match["seconds"] or 1))


class RateGate:
    """
    Admits a call only if every window that ends with it stays within its limit.

    A call that is refused does not count. It is thread-safe; a call that is late to the lock counts as having arrived
    with the one before it.
    """

    def __init__(self, limits: Iterable[RateLimit]) -> None:
        self._windows = [(limit.seconds, deque[float](maxlen=limit.calls)) for limit in limits]
        self._latest = -math.inf
        self._lock = threading.Lock()

    def admit(self, arrived_at: float) -> float:
        """Count a call and return 0, or refuse it and return the seconds after which it would be admitted."""
        with self._lock:
            self._latest = now = max(arrived_at, self._latest)
            full = ((seconds, admitted[0]) for seconds, admitted in self._windows if len(admitted) == admitted.maxlen)
            wait_seconds = max((seconds - (now - oldest) for seconds, oldest in full), default=0.0)
            if wait_seconds > 0:
                return wait_seconds
            for _, admitted in self._windows:
                admitted.append(now)
            return 0.0

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._latest = -math.inf
            for _, admitted in self._windows:
                admitted.clear()
