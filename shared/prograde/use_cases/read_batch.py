"""Read a batch, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass

from prograde.domain.batch import Batch
from prograde.errors import NotFoundError
from prograde.ports import BatchStore


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch and its counters' sums; the counts are those of stored professionals, never estimates."""

    batch: Batch
    total: int
    open: int
    by_state: Mapping[str, int]
    by_grade: Mapping[str, int]

    @property
    def ended(self) -> int:
        """How many professionals are final."""
        return self.total - self.open


def read_batch(store: BatchStore, batch_id: str) -> Batch:
    """Read a batch; raises NotFoundError."""
    batch = store.batch(batch_id)
    if batch is None:
        raise NotFoundError(f"there is no batch {batch_id}")
    return batch


def read_progress(store: BatchStore, batch_id: str) -> Progress:
    """Read a batch and sum its counters; grades stand in the rubric's order."""
    batch = read_batch(store, batch_id)
    counters = store.counters(batch_id)
    by_state: dict[str, int] = {}
    by_grade = {tier.name: 0 for tier in batch.parameters.rubric.tiers}
    for counter in counters:
        for state, count in counter.by_state.items():
            by_state[state] = by_state.get(state, 0) + count
        for grade, count in counter.by_grade.items():
            by_grade[grade] += count
    return Progress(
        batch=batch,
        total=batch.roster.professionals,
        open=sum(counter.pending for counter in counters),
        by_state=by_state,
        by_grade=by_grade,
    )
