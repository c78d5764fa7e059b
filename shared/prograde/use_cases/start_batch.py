"""Start a batch: keep its inputs, create it with its counters, seed it."""

from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from prograde.domain.batch import Batch, Parameters, Roster, new_counters
from prograde.domain.effects import digest
from prograde.errors import ConflictError
from prograde.use_cases.seed import seed
from prograde.use_cases.services import Services

INLINE_CHUNKS = 4
"""Chunks of the roster seeded before the caller has its answer; the rest is the control queue's."""


@dataclass(frozen=True, slots=True)
class Order:
    """
    A checked order for a batch.

    `roster` yields one professional id a line, each once; `idempotency_key` makes a repeated order the same batch,
    "" for an order that is meant to be new each time.
    """

    source: str
    source_text: str
    parameters: Parameters
    roster: BinaryIO
    professionals: int
    roster_sha256: str
    idempotency_key: str = ""


def start_batch(services: Services, order: Order) -> Batch:
    """
    Start the ordered batch, or return the one that the same idempotency key started.

    Raises ConflictError if that one was ordered with other inputs. A crash in between leaves inputs that nothing
    names, or a batch whose seeding supervise takes up.
    """
    now = services.clock.now()
    source_sha256 = sha256(order.source_text.encode()).hexdigest()
    key = order.idempotency_key or f"{now.isoformat()} {order.roster_sha256}"
    batch_id = f"{order.source}-{order.parameters.as_of}-{digest(order.source, key)[:8]}"
    batch = Batch(
        batch_id=batch_id,
        source=order.source,
        source_sha256=source_sha256,
        parameters=order.parameters,
        roster=Roster(roster_blob(batch_id), order.professionals, order.roster_sha256),
        created_at=now,
        due_at=now,
    )
    counters = new_counters(order.professionals, batch.counters)
    batch = _with_empty_counters_drained(batch)
    services.blobs.put(batch.roster.blob, order.roster)
    services.blobs.put(source_blob(batch_id), BytesIO(order.source_text.encode()))
    if services.store.create_batch(batch, counters):
        services.warehouse.append_batch(batch, now)
    else:
        batch = _same_order(services, batch)
    for _ in range(INLINE_CHUNKS):
        if batch.op is None:
            break
        batch = seed(services, batch)
    return batch


def _with_empty_counters_drained(batch: Batch) -> Batch:
    """A counter dealt nobody has nothing pending from the start: no final transition will ever say so."""
    empty = max(0, batch.counters - batch.roster.professionals)
    return replace(batch, drained=empty)


def _same_order(services: Services, ordered: Batch) -> Batch:
    stored = services.store.batch(ordered.batch_id)
    assert stored is not None  # create_batch just found it, and batches are never deleted
    if (stored.source_sha256, stored.parameters, stored.roster) != (
        ordered.source_sha256,
        ordered.parameters,
        ordered.roster,
    ):
        raise ConflictError(
            f"the idempotency key already started batch {stored.batch_id}, with another source file, roster or "
            "parameters: use a new key"
        )
    return stored


def roster_blob(batch_id: str) -> str:
    """Name the blob of a batch's roster."""
    return f"batches/{batch_id}/roster.txt"


def source_blob(batch_id: str) -> str:
    """Name the blob of a batch's source file, as it was at the start."""
    return f"batches/{batch_id}/source.yaml"
