"""Read a batch, how far it has come, and the batches there are: counters and documents, never a scan."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.counter import LAP, Counter, laps_since
from prograde.errors import CorruptionError, NotFoundError
from prograde.ports import BatchStore, Place, Transaction
from prograde.use_cases.services import Services

K = TypeVar("K", str, int)

RATE_OVER = timedelta(minutes=2)
"""The rate, and so the remaining time, is that of the last two minutes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    A batch and its counters' sums; the counts are those of stored professionals, never estimates.

    `by_cause` counts failures by their cause, `by_volume` the graded by the lower edge in dollars, `calls` those for
    professionals that ended.
    """

    batch: Batch
    total: int
    open: int
    by_state: Mapping[str, int]
    by_grade: Mapping[str, int]
    by_cause: Mapping[str, int]
    by_volume: Mapping[int, int]
    calls: int
    counters: tuple[Counter, ...]

    @property
    def ended(self) -> int:
        """How many professionals are final."""
        return self.total - self.open

    def ended_per_second(self, now: datetime) -> float | None:
        """Tell how fast professionals ended lately; None while that cannot be told."""
        laps = list(laps_since(self.counters, now - RATE_OVER))
        if not laps:
            return None
        # A lap is told by its beginning: what ends now may stand in one that began a lap ago.
        seconds = max((now - min(lap.at for lap in laps)).total_seconds(), LAP.total_seconds())
        return sum(lap.ended for lap in laps) / seconds

    def remaining(self, now: datetime) -> timedelta | None:
        """Tell how long the open ones take at that rate; None while that cannot be told."""
        rate = self.ended_per_second(now)
        return timedelta(seconds=round(self.open / rate)) if rate and self.open else None


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Batches, newest first, and where the next page begins; None at the end."""

    batches: tuple[Batch, ...]
    next: Place | None


def read_batch(store: BatchStore, batch_id: str) -> Batch:
    """Read a batch; raises NotFoundError."""
    batch = store.batch(batch_id)
    if batch is None:
        raise NotFoundError(f"there is no batch {batch_id}: list the batches to see their ids")
    return batch


def stored_batch(transaction: Transaction, batch_id: str) -> Batch:
    """Read a batch that is there in a transaction; raises CorruptionError if it is not."""
    batch = transaction.batch(batch_id)
    if batch is None:
        raise CorruptionError(f"batch {batch_id} is gone")
    return batch


def read_progress(store: BatchStore, batch_id: str) -> Progress:
    """
    Read a batch and sum its counters; grades stand in the rubric's order. Raises NotFoundError.

    One document and its counters: 17 reads, however many professionals there are.
    """
    batch = read_batch(store, batch_id)
    counters = store.counters(batch_id)
    by_grade = {tier.name: 0 for tier in batch.parameters.rubric.tiers}
    return Progress(
        batch=batch,
        total=batch.roster.professionals,
        open=sum(counter.pending for counter in counters),
        by_state=_sum([counter.by_state for counter in counters]),
        by_grade=by_grade | _sum([counter.by_grade for counter in counters]),
        by_cause=_sum([counter.by_cause for counter in counters]),
        by_volume=dict(sorted(_sum([counter.by_volume for counter in counters]).items())),
        calls=sum(counter.calls for counter in counters),
        counters=counters,
    )


def calls_per_second(services: Services, batch: Batch) -> float | None:
    """Tell how fast a running batch's source is called, at the cost of one more read; None where that has no answer."""
    return services.calls_per_second(batch) if batch.status is BatchStatus.RUNNING else None


def read_batches(store: BatchStore, after: Place | None, limit: int) -> BatchPage:
    """Read a page of the batches there are: one read each, and one that tells if more follow."""
    found = store.newest(after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return BatchPage(found[:limit], None if last is None else Place(last.created_at, last.batch_id))


def _sum(counts: Sequence[Mapping[K, int]]) -> dict[K, int]:
    total: Tally[K] = Tally()
    for each in counts:
        total.update(each)
    return dict(+total)
