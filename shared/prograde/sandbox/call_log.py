"""When calls arrived, how many that was at most, and what happened to them."""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ARRIVALS_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class CallStats:
    """
    What the log holds; the field names are those of `/__stats`.

    `throttled` counts what the rate limit refused, `faults` by kind what was spoilt on purpose. A call is in flight
    from its arrival until its answer begins to leave: no client can be shown to have more calls open than it had.
    """

    calls: int
    calls_by_path: dict[str, int]
    most_in_a_second: int
    first_call_at: datetime | None
    last_call_at: datetime | None
    throttled: int
    in_flight_max: int
    faults: dict[str, int]


class CallLog:
    """
    A thread-safe record of arrivals, by `time.monotonic()`.

    The paths named are counted from nought. It keeps the latest ten million; beyond them it goes on counting, but the
    busiest second is that of those kept.
    """

    def __init__(self, paths: Iterable[str], started_at: datetime, started_monotonic: float) -> None:
        self._paths = tuple(paths)
        self._started_at = started_at
        self._started_monotonic = started_monotonic
        self._lock = threading.Lock()
        self._arrivals: deque[float] = deque(maxlen=ARRIVALS_MAX)
        self._by_path = Counter(dict.fromkeys(self._paths, 0))
        self._first: float | None = None
        self._throttled = 0
        self._faults: Counter[str] = Counter()
        self._in_flight = self._in_flight_max = 0

    def record(self, path: str, arrived_at: float) -> None:
        """Note one call to a path."""
        with self._lock:
            self._arrivals.append(arrived_at)
            self._by_path[path] += 1
            self._first = arrived_at if self._first is None else min(self._first, arrived_at)

    def begin(self) -> None:
        """Note that a call is in flight."""
        with self._lock:
            self._in_flight += 1
            self._in_flight_max = max(self._in_flight_max, self._in_flight)

    def end(self) -> None:
        """Note that one of those in flight gets its answer."""
        with self._lock:
            self._in_flight -= 1

    def count_throttled(self) -> None:
        """Note that the rate limit refused a call."""
        with self._lock:
            self._throttled += 1

    def count_fault(self, kind: str) -> None:
        """Note that the answer to a call was spoilt."""
        with self._lock:
            self._faults[kind] += 1

    def clear(self) -> None:
        """Forget every call but those in flight."""
        with self._lock:
            self._arrivals.clear()
            self._by_path = Counter(dict.fromkeys(self._paths, 0))
            self._first = None
            self._throttled = 0
            self._faults = Counter()
            self._in_flight_max = self._in_flight

    def arrivals(self) -> list[float]:
        """The arrivals that are kept, in order."""
        with self._lock:
            kept = list(self._arrivals)
        kept.sort()  # two threads may have come to the lock in the other order than their calls came
        return kept

    def stats(self) -> CallStats:
        """Add it all up."""
        with self._lock:
            kept = list(self._arrivals)
            by_path = dict(sorted(self._by_path.items()))
            first = self._first
            throttled, in_flight_max, faults = self._throttled, self._in_flight_max, dict(sorted(self._faults.items()))
        kept.sort()
        return CallStats(
            calls=sum(by_path.values()),
            calls_by_path=by_path,
            most_in_a_second=most_in_a_second(kept),
            first_call_at=self._moment(first),
            last_call_at=self._moment(kept[-1] if kept else None),
            throttled=throttled,
            in_flight_max=in_flight_max,
            faults=faults,
        )

    def _moment(self, monotonic: float | None) -> datetime | None:
        if monotonic is None:
            return None
        return (self._started_at + timedelta(seconds=monotonic - self._started_monotonic)).astimezone(UTC)


def most_in_a_second(arrivals: Sequence[float]) -> int:
    """The most arrivals, of these in order, that any half-open second [t, t + 1) holds."""
    most = oldest = 0
    for newest, arrived_at in enumerate(arrivals):
        while arrived_at - arrivals[oldest] >= 1:
            oldest += 1
        most = max(most, newest - oldest + 1)
    return most
