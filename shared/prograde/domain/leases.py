"""
Send times leased in advance: how several instances keep one source's limits without asking for every call.

All times are microseconds since 1970. A leased call leaves at its time or up to `lateness` after it, or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from prograde.domain.pace import RateLimit

LATENESS_SHARE = 0.04
LATENESS_MAX = timedelta(milliseconds=250)
BUCKETS = 100
REACH = timedelta(seconds=30)
"""How far ahead a time is leased: who would have to wait for longer does not wait in a function that is paid for."""

LAPS_KEPT = 4
"""A lease reaches three laps ahead of the time, which is told by the lap before it."""
_LAP = 10_000_000

Counts = Mapping[int, int]
"""Calls by the number of the bucket that their time falls into."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """
    What was leased of one credential's limits: the latest time, and each window's counts by its length.

    `lately` counts the latest calls by the ten seconds that they fall into.
    """

    last: int = 0
    windows: Mapping[int, Counts] = field(default_factory=dict)
    lately: Counts = field(default_factory=dict)

    def calls_per_second(self, now: int) -> float:
        """Tell how many calls a second were leased for the last ten to twenty seconds."""
        bucket, into = divmod(now, _LAP)
        seconds = (_LAP + into) / 1_000_000
        return (self.lately.get(bucket - 1, 0) + self.lately.get(bucket, 0)) / seconds


@dataclass(frozen=True, slots=True)
class Lease:
    """
    Times at which calls may leave, in their order; fewer than wanted where `REACH` ends.

    `next_at` is when the next one may, which is not leased.
    """

    ledger: Ledger
    times: tuple[int, ...]
    next_at: int


def lateness(limits: Sequence[RateLimit]) -> timedelta:
    """Tell how long after its time a call may still leave."""
    return min(LATENESS_MAX, min(limit.interval for limit in limits) * LATENESS_SHARE)


def lease(ledger: Ledger, limits: Sequence[RateLimit], now: int, wanted: int, share: float = 1.0) -> Lease:
    """
    Lease up to `wanted` times from `now` on.

    The window with the quickest rate is kept by spacing: the call `limit` calls later leaves a whole window later,
    though this one be late and that one not. Each other window is counted in buckets of a hundredth of it, and any
    hundred and one in a row, which is more than a window can touch, hold no more than its limit.
    """
    quickest = min(limits, key=lambda limit: limit.interval / limit.limit)
    span = _microseconds(quickest.span) + _microseconds(lateness(limits))
    spacing = -int(-span // (quickest.limit * min(1.0, share)))
    accounts = [
        _Account(limit, ledger.windows.get(_microseconds(limit.interval), {}))
        for limit in limits
        if limit is not quickest
    ]
    times: list[int] = []
    last = ledger.last
    while True:
        at = max(now, last + spacing)
        # Whatever postpones the call for one window may bring it into a full bucket of another.
        while (later := max((account.free_at(at) for account in accounts), default=at)) > at:
            at = later
        if len(times) >= wanted or at > now + _microseconds(REACH):
            break
        for account in accounts:
            account.add(at)
        times.append(at)
        last = at
    windows = {**ledger.windows, **{account.interval: account.counts for account in accounts}}
    return Lease(Ledger(last, windows, _counted_lately(ledger.lately, times)), tuple(times), at)


def _counted_lately(lately: Counts, times: Sequence[int]) -> Counts:
    counts = dict(lately)
    for time in times:
        counts[time // _LAP] = counts.get(time // _LAP, 0) + 1
    newest = max(counts, default=0)
    return {lap: count for lap, count in counts.items() if lap >= newest - LAPS_KEPT}


class _Account:
    """One window's counts, as far back as they matter."""

    def __init__(self, limit: RateLimit, counts: Counts) -> None:
        self.interval = _microseconds(limit.interval)
        late = min(_microseconds(LATENESS_MAX), int(self.interval * LATENESS_SHARE))
        self._bucket = -(-(_microseconds(limit.span) + late) // BUCKETS)
        self._limit = limit.limit
        self._counts = dict(counts)

    @property
    def counts(self) -> Counts:
        """Give what is to be kept; what is older than a window before the latest call never matters again."""
        newest = max(self._counts, default=0)
        return {bucket: count for bucket, count in self._counts.items() if bucket >= newest - BUCKETS}

    def free_at(self, at: int) -> int:
        """Tell when, from `at` on, the window holds one more."""
        bucket = at // self._bucket
        while self._held(bucket) >= self._limit:
            bucket = min(old for old in self._counts if old >= bucket - BUCKETS) + BUCKETS + 1
        return max(at, bucket * self._bucket)

    def add(self, at: int) -> None:
        """Count a call."""
        bucket = at // self._bucket
        self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def _held(self, bucket: int) -> int:
        return sum(count for old, count in self._counts.items() if bucket - BUCKETS <= old <= bucket)


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
