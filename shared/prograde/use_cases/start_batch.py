"""Start a batch: keep its inputs, create it with its counters, seed it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from prograde.domain.batch import Batch, Parameters, Roster
from prograde.domain.counter import new_counters
from prograde.domain.effects import digest, effects
from prograde.errors import ConflictError, UnavailableError
from prograde.replacing import replace
from prograde.use_cases.announce import announce_status
from prograde.use_cases.check_health import require_health
from prograde.use_cases.seed import seed
from prograde.use_cases.services import Services

INLINE_CHUNKS = 4
"""Chunks of the roster seeded before the caller has its answer; the rest is the control queue's."""


@dataclass(frozen=True, slots=True)
class Order:
    """
    A checked order for a batch.

    `roster` yields one professional id a line, each once; `sha256` digests source, roster and parameters as they were
    given. `idempotency_key` makes a repeated order the same batch, "" for one that is meant to be new each time.
    `ordered_by` names who ordered it.
    """

    source: str
    source_text: str
    parameters: Parameters
    roster: BinaryIO
    professionals: int
    roster_sha256: str
    sha256: str
    idempotency_key: str = ""
    ordered_by: str = ""


def start_batch(services: Services, order: Order) -> Batch:
    """
    Start the ordered batch, or return the one that the same idempotency key started.

    Raises ConflictError if that one was ordered with other inputs, and UnavailableError, before anything is kept, if
    something that a new batch needs does not answer. A crash in between leaves inputs that nothing
    names, or a batch whose seeding supervise takes up.
    """
    begun = _begun_before(services, order)
    batch = _begun_now(services, order) if begun is None else _same_order(begun, order)
    for _ in range(INLINE_CHUNKS):
        if batch.op is None:
            break
        batch = seed(services, batch)
    # Asked for again, what a crash may have left out is derived again.
    services.queue.enqueue(tuple(effects(batch)))
    return batch


def _begun_before(services: Services, order: Order) -> Batch | None:
    """Find the batch that the order's key started."""
    if not order.idempotency_key:
        return None
    try:
        return services.store.batch(_batch_id(order, services.clock.now()))
    except UnavailableError:
        # All that is missing is told at once, and the store is one thing of it.
        require_health(services)
        raise


def _begun_now(services: Services, order: Order) -> Batch:
    """Create the batch, unless another order with its key is quicker; then that one's."""
    require_health(services)
    now = services.clock.now()
    batch_id = _batch_id(order, now)
    batch = Batch(
        batch_id=batch_id,
        source=order.source,
        source_sha256=sha256(order.source_text.encode()).hexdigest(),
        order_sha256=order.sha256,
        parameters=order.parameters,
        # By its content too: an attempt that crashed may have left another roster under the same key.
        roster=Roster(
            f"batches/{batch_id}/roster-{order.roster_sha256[:16]}.txt", order.professionals, order.roster_sha256
        ),
        created_at=now,
        due_at=now,
        ordered_by=order.ordered_by,
    )
    counters = new_counters(order.professionals, batch.counters)
    batch = _with_empty_counters_drained(batch)
    services.blobs.put(batch.roster.blob, order.roster)
    services.blobs.put(source_blob(batch), BytesIO(order.source_text.encode()))
    if services.store.create_batch(batch, counters):
        announce_status(services, batch, now)
        return batch
    stored = services.store.batch(batch_id)
    assert stored is not None  # create_batch just found it, and batches are never deleted
    return _same_order(stored, order)


def _batch_id(order: Order, now: datetime) -> str:
    """Name the batch: by its key alone if it has one, so that a retry after midnight finds it."""
    if order.idempotency_key:
        return f"{order.source}-{digest('order', order.source, order.idempotency_key)[:12]}"
    return f"{order.source}-{order.parameters.as_of}-{digest('order', now.isoformat(), order.sha256)[:8]}"


def _with_empty_counters_drained(batch: Batch) -> Batch:
    """A counter dealt nobody has nothing pending from the start: no final transition will ever say so."""
    empty = max(0, batch.counters - batch.roster.professionals)
    return replace(batch, drained=empty)


def _same_order(stored: Batch, order: Order) -> Batch:
    if stored.order_sha256 != order.sha256:
        raise ConflictError(
            f"the idempotency key already started batch {stored.batch_id}, with another source file, roster or "
            "parameters: use a new key"
        )
    return stored


def source_blob(batch: Batch) -> str:
    """Name the blob of a batch's source file, as it was at the start."""
    return f"batches/{batch.batch_id}/source-{batch.source_sha256[:16]}.yaml"
