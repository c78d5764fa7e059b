"""A counter: a sixteenth of a batch's professionals, counted as they end, so that nobody ever scans them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prograde.domain.batch import COUNTERS
from prograde.domain.professional import Professional
from prograde.replacing import replace

CAUSES_MAX = 20
OTHER_CAUSES = "other"
"""Counts what failed for further causes: there are a handful, and a document stays small even if there were more."""
LAP = timedelta(seconds=10)
LAPS_MAX = 13
"""Two minutes, and the lap under way."""
VOLUME_EDGES: tuple[int, ...] = (0, *(step * int(10**power) for power in range(4, 10) for step in (1, 2, 5)))
"""Dollars at which the bars of a volume histogram begin."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lap:
    """How many ended within the ten seconds from `at`."""

    at: datetime
    ended: int


@dataclass(frozen=True, slots=True)
class Counter:
    """
    A share of the batch's professionals: how many are still open, and how the others ended.

    `by_cause` counts dead letters by their cause, `by_volume` those that are done by the edge below their volume in
    dollars, `calls` the calls for all who ended. `laps` are the latest, the oldest first.
    """

    index: int
    pending: int
    by_state: Counts = field(default_factory=dict)
    by_grade: Counts = field(default_factory=dict)
    by_cause: Counts = field(default_factory=dict)
    by_volume: Mapping[int, int] = field(default_factory=dict)
    calls: int = 0
    laps: tuple[Lap, ...] = ()

    def closed_one(self, professional: Professional, grade: str | None, now: datetime) -> "Counter":
        """Count one professional's final transition; `grade` is None for one that ended ungraded."""
        edge = volume_edge(professional)
        return replace(
            self,
            pending=self.pending - 1,
            by_state=_plus(self.by_state, professional.state, 1),
            by_grade=self.by_grade if grade is None else _plus(self.by_grade, grade, 1),
            by_cause=_plus_cause(self.by_cause, professional),
            by_volume=self.by_volume if grade is None else {**self.by_volume, edge: self.by_volume.get(edge, 0) + 1},
            calls=self.calls + professional.calls,
            laps=_lapped(self.laps, now),
        )

    def reopened(self, professionals: Sequence[Professional]) -> "Counter":
        """Undo the final transitions of professionals that have no grade, given as they ended."""
        by_state, by_cause = self.by_state, self.by_cause
        for professional in professionals:
            by_state = _plus(by_state, professional.state, -1)
            by_cause = _minus_cause(by_cause, professional)
        return replace(
            self,
            pending=self.pending + len(professionals),
            by_state=by_state,
            by_cause=by_cause,
            calls=self.calls - sum(professional.calls for professional in professionals),
        )


def new_counters(professionals: int, counters: int = COUNTERS) -> tuple[Counter, ...]:
    """Deal `professionals` to counters by their place in the roster, so that each `pending` is known beforehand."""
    return tuple(
        Counter(index, professionals // counters + (index < professionals % counters)) for index in range(counters)
    )


def volume_edge(professional: Professional) -> int:
    """Tell the greatest of VOLUME_EDGES that a professional's volume reaches."""
    dollars = professional.aggregate.half_cents // 200
    return max(edge for edge in VOLUME_EDGES if edge <= dollars)


def laps_since(counters: Iterable[Counter], moment: datetime) -> Iterator[Lap]:
    """Go through the laps of all counters that began at a moment or later."""
    return (lap for counter in counters for lap in counter.laps if lap.at >= moment)


def _plus(counts: Counts, name: str, count: int) -> Counts:
    return {**counts, name: counts.get(name, 0) + count}


def _plus_cause(counts: Counts, professional: Professional) -> Counts:
    cause = professional.failure_cause
    if not professional.is_dead_letter:
        return counts
    return _plus(counts, cause if cause in counts or len(counts) < CAUSES_MAX else OTHER_CAUSES, 1)


def _minus_cause(counts: Counts, professional: Professional) -> Counts:
    if not professional.is_dead_letter:
        return counts
    # A cause that was too many when it was counted may have found room since.
    cause = professional.failure_cause if counts.get(professional.failure_cause) else OTHER_CAUSES
    return _plus(counts, cause, -1)


def _lapped(laps: tuple[Lap, ...], now: datetime) -> tuple[Lap, ...]:
    if laps and timedelta() <= now - laps[-1].at < LAP:
        last = laps[-1]
        return (*laps[:-1], replace(last, ended=last.ended + 1))
    return (*laps, Lap(now, 1))[-LAPS_MAX:]
