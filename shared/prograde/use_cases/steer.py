"""Pause, resume and cancel a batch."""

from collections.abc import Callable
from datetime import datetime

from prograde.domain.batch import Batch, cancelled, paused, resumed
from prograde.domain.effects import effects
from prograde.ports import Transaction
from prograde.use_cases.announce import announce_status
from prograde.use_cases.read_batch import read_batch, stored_batch
from prograde.use_cases.services import Services


def pause_batch(services: Services, batch_id: str, reason: str = "") -> Batch:
    """
    Pause a batch: calls in flight are finished and counted, no other is made until it is resumed.

    Asked for again, it takes the new reason, if one is given.
    Raises NotFoundError, and ConflictError for a batch that is over, draining or finalizing.
    """
    return _steered(services, batch_id, lambda batch, _: paused(batch, reason))


def resume_batch(services: Services, batch_id: str) -> Batch:
    """
    Resume a batch: every unfinished professional is woken exactly once, by a chain of tasks; a running one stays so.

    Raises NotFoundError, and ConflictError for a batch that is over, draining or finalizing.
    """
    return _steered(services, batch_id, resumed)


def cancel_batch(services: Services, batch_id: str) -> Batch:
    """
    Cancel a batch: whoever is not finished ends without a call, then what is there is exported, marked as partial.

    Cancelled once is cancelled. Raises NotFoundError, and ConflictError for a batch that is over or finalizing for
    another reason, or that gave up on its source.
    """
    return _steered(services, batch_id, cancelled)


def _steered(services: Services, batch_id: str, change: Callable[[Batch, datetime], Batch]) -> Batch:
    """Change a batch's status; asked for again, what a crash may have left out is derived again."""
    read_batch(services.store, batch_id)
    now = services.clock.now()

    def steer(transaction: Transaction) -> Batch:
        stored = stored_batch(transaction, batch_id)
        batch = change(stored, now)
        if batch is not stored:
            transaction.put_batch(batch)
        return batch

    batch = services.store.transact(steer)
    announce_status(services, batch, now)
    services.queue.enqueue(tuple(effects(batch)))
    return batch
