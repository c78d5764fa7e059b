"""What a batch will take, before it is started: calls, hours, money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from prograde.domain.batch import BatchStatus, Parameters
from prograde.domain.pace import RateLimit
from prograde.ports import BatchStore

SALES_PAGES_ASSUMED = 2
"""Of a professional whose source was never asked before."""
BATCHES_LOOKED_AT = 50
CLOUD_CENTS_A_MILLION_CALLS = 716
"""At list prices, summed up in docs/deploy.md; on one machine a call costs nothing but what its source asks."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What the last finished batch of a source took; `took` is None where dead letters were replayed later."""

    batch_id: str
    professionals: int
    calls: int
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class Plan:
    """
    An estimate: `duration` is the least that the source's limits allow, `cloud_cents` what Google Cloud asks.

    `last` is the batch whose calls for each professional it was reckoned with; None where it is assumed.
    """

    professionals: int
    calls: int
    duration: timedelta
    cloud_cents: int
    last: Experience | None
    calls_assumed: int

    @property
    def basis(self) -> str:
        """Say what it was reckoned from."""
        if self.last is None:
            return f"assumed: {self.calls_assumed} calls a professional, as no batch of this source is finished yet"
        each = self.last.calls / self.last.professionals
        return f"as batch {self.last.batch_id}: {each:.1f} calls a professional"


def plan_batch(
    parameters: Parameters, professionals: int, limits: Sequence[RateLimit], last: Experience | None
) -> Plan:
    """Reckon what a batch will take, from the last one of its source or else from stated assumptions."""
    assumed = 1 + parameters.include_active + SALES_PAGES_ASSUMED
    calls = professionals * assumed if last is None else ceil(professionals * last.calls / last.professionals)
    cents = ceil(calls * CLOUD_CENTS_A_MILLION_CALLS / 1_000_000)
    return Plan(professionals, calls, _least_duration(calls, limits), cents, last, assumed)


def _least_duration(calls: int, limits: Sequence[RateLimit]) -> timedelta:
    """Tell how long the limits stretch so many calls: a window that is full waits for its whole interval."""
    return max(timedelta() if calls <= 1 else limit.interval * ((calls - 1) // limit.limit) for limit in limits)


def last_experience(store: BatchStore, source: str) -> Experience | None:
    """Find what the last batch of a source took, of those that went to their end; None if there is none lately."""
    for batch in store.newest(None, BATCHES_LOOKED_AT):
        if batch.source != source or batch.status is not BatchStatus.COMPLETE:
            continue
        if batch.totals is not None and batch.finished_at is not None:
            took = batch.finished_at - batch.created_at if batch.reopened_at is None else None
            return Experience(batch.batch_id, batch.roster.professionals, batch.totals.calls, took)
    return None
