"""Resume a paused batch: every unfinished professional is woken exactly once."""

from dataclasses import replace

from prograde.domain.batch import Batch, resumed
from prograde.domain.effects import effects, woken
from prograde.errors import CorruptionError
from prograde.ports import Transaction
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services

CHUNK = 100


def resume_batch(services: Services, batch_id: str) -> Batch:
    """
    Resume a batch, or finish a resume that a crash cut short; a running batch is left as it is.

    Raises NotFoundError, and ConflictError for a batch that is over or finalizing.
    """
    read_batch(services.store, batch_id)

    def resume(transaction: Transaction) -> Batch:
        stored = transaction.batch(batch_id)
        if stored is None:
            raise CorruptionError(f"batch {batch_id} is gone")
        batch = resumed(stored, services.clock.now())
        if batch is not stored:
            transaction.put_batch(batch)
        return batch

    batch = services.store.transact(resume)
    services.warehouse.append_batch(batch, services.clock.now())
    services.queue.enqueue(tuple(effects(batch)))
    _wake_everybody(services, batch)
    return batch


def _wake_everybody(services: Services, batch: Batch) -> None:
    """Wake each unfinished professional once for the batch's epoch."""
    while behind := services.store.behind_epoch(batch.batch_id, batch.epoch, CHUNK):
        for seen in behind:

            def wake(transaction: Transaction, professional_id: str = seen.professional_id) -> None:
                professional = transaction.professional(batch.batch_id, professional_id)
                if professional is None or professional.epoch >= batch.epoch:
                    return
                if professional.is_final:
                    transaction.put_professional(replace(professional, epoch=batch.epoch))
                    return
                due_at = max(professional.due_at, services.clock.now())
                transaction.put_professional(woken(professional, due_at, batch.epoch))

            services.store.transact(wake)
            professional = services.store.professional(batch.batch_id, seen.professional_id)
            if professional is not None:
                services.queue.enqueue(tuple(effects(batch, professional)))
