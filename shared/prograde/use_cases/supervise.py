"""Find what stands still and give it a new task; must not mistake a backlog for standing still."""

from dataclasses import replace
from datetime import datetime, timedelta

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.effects import SoundingTask, effects, woken
from prograde.domain.professional import Professional
from prograde.ports import Transaction
from prograde.use_cases.services import Services

GRACE = timedelta(seconds=120)
"""How long past its time something may be before it stands still: longer than any delivery takes."""
WOKEN_MAX = 1_000


def supervise(services: Services) -> None:
    """
    Wake what stands still in every batch that is under way; a no-op when nothing runs.

    A professional waits behind a backlog as long as the queue has not come as far as its time. So a sounding, a task
    that makes no call, goes through the page queue: who was due a good while before the latest one delivered was
    sent has been passed over, and lost its task.
    """
    now = services.clock.now()
    moving = [
        batch
        for batch in services.store.batches()
        if not batch.status.is_over and batch.status is not BatchStatus.PAUSED
    ]
    if not moving:
        return
    watermark = services.store.watermark()
    for batch in moving:
        _wake_batch(services, batch, now)
        if watermark is not None:
            for professional in services.store.due_before(batch.batch_id, watermark - GRACE, WOKEN_MAX):
                _wake_professional(services, batch, professional, watermark - GRACE)
    services.queue.enqueue((SoundingTask(sent_at=now, due_at=now),))


def sound(services: Services, task: SoundingTask) -> None:
    """Take a delivered sounding: the page queue has come as far as the moment it was sent."""
    services.store.raise_watermark(task.sent_at)


def _wake_batch(services: Services, batch: Batch, now: datetime) -> None:
    """Give a batch whose control task is overdue (seeding, finalize) a new one."""
    is_waited_for = batch.op is not None or batch.status is BatchStatus.FINALIZING
    if not is_waited_for or batch.due_at > now - GRACE:
        return

    def wake(transaction: Transaction) -> Batch:
        stored = transaction.batch(batch.batch_id)
        if stored is None or stored.status is not batch.status or stored.wake != batch.wake:
            return stored or batch
        woken_batch = replace(stored, wake=stored.wake + 1, due_at=now)
        transaction.put_batch(woken_batch)
        return woken_batch

    services.queue.enqueue(tuple(effects(services.store.transact(wake))))


def _wake_professional(services: Services, batch: Batch, seen: Professional, overdue_before: datetime) -> None:
    def wake(transaction: Transaction) -> Professional | None:
        professional = transaction.professional(seen.batch_id, seen.professional_id)
        if professional is None or professional.is_final or professional.due_at >= overdue_before:
            return None
        professional = woken(professional, services.clock.now(), professional.epoch)
        transaction.put_professional(professional)
        return professional

    professional = services.store.transact(wake)
    if professional is not None:
        services.queue.enqueue(tuple(effects(batch, professional)))
