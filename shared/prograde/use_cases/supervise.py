"""Find what stands still and give it a new task; must not mistake a backlog for standing still."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from prograde.domain.batch import Batch, BatchStatus, Waking
from prograde.domain.effects import SoundingTask, effects, woken
from prograde.domain.professional import Professional
from prograde.ports import Transaction
from prograde.replacing import replace
from prograde.use_cases.announce import announce_conditions
from prograde.use_cases.services import Services

GRACE = timedelta(seconds=120)
"""How long past its time something may be before it stands still: a queue keeps no strict order."""
FINALIZE_GRACE = timedelta(minutes=30)
"""The same for finalize, which is given half an hour; one that merely died is delivered again by its queue."""
WOKEN_MAX = 1_000


def supervise(services: Services) -> None:
    """
    Wake what stands still in every batch that is under way; a no-op when there is none.

    A professional waits behind a backlog as long as the queue has not come as far as its time. So a sounding, a task
    that makes no call, goes through the page queue: who was due a good while before the latest one delivered was
    sent has been passed over, and lost its task.

    Each queue is then sent at the pace that its source bears. What is not well is told, of a paused batch too, though
    nothing of it is woken.
    """
    now = services.clock.now()
    unfinished = tuple(services.store.unfinished())
    for batch in unfinished:
        announce_conditions(services, batch, now)
    moving = [batch for batch in unfinished if batch.status is not BatchStatus.PAUSED]
    if not moving:
        return
    for batch in moving:
        _wake_chains(services, batch, now)
        watermark = services.store.watermark(batch.source)
        # One that lies ahead was left by a clock that stood ahead, and tells nothing: the next sounding replaces it.
        if watermark is not None and watermark <= now:
            for professional in _overdue(services, batch, watermark - GRACE):
                _wake_professional(services, batch, professional, watermark - GRACE)
    # Each source has a page queue of its own, which comes as far as its own rate lets it.
    sources = sorted({batch.source for batch in moving})
    services.queue.enqueue([SoundingTask(source, sent_at=now, due_at=now) for source in sources])
    for source in sources:
        shares = (batch.pace.share_at(now) for batch in moving if batch.source == source)
        services.queue.pace(source, min(shares))


def _overdue(services: Services, batch: Batch, before: datetime) -> Iterable[Professional]:
    if batch.status is BatchStatus.DRAINING:
        # Its chain ends them, and is watched itself.
        return ()
    if batch.outage is None:
        return services.store.due_before(batch.batch_id, before, WOKEN_MAX)
    # Nobody else has a task to lose: they are woken when the outage ends.
    probe = services.store.professional(batch.batch_id, batch.outage.probe_id)
    return () if probe is None else (probe,)


def sound(services: Services, task: SoundingTask) -> None:
    """
    Take a delivered sounding: the page queue of its source has come as far as the moment it was sent.

    Where it may have overtaken pages that are still at work, it counts when it comes back: a new task for one of them
    would be a second call.
    """
    now = services.clock.now()
    if services.overtaken_for and not task.is_back:
        services.queue.enqueue([replace(task, is_back=True, due_at=now + services.overtaken_for)])
        return
    services.store.raise_watermark(task.source, min(task.sent_at, now), now)


def _wake_chains(services: Services, batch: Batch, now: datetime) -> None:
    """Give a batch whose control tasks are overdue (seeding, finalize, waking) new ones."""
    if not _late(batch, now):
        return

    def wake(transaction: Transaction) -> Batch:
        stored = transaction.batch(batch.batch_id)
        if stored is None or not (late := _late(stored, now)):
            return stored or batch
        renewed = replace(stored, **late)
        transaction.put_batch(renewed)
        return renewed

    services.queue.enqueue(tuple(effects(services.store.transact(wake))))


def _late(batch: Batch, now: datetime) -> dict[str, Any]:
    """Tell how to renew those of a batch's control tasks that are overdue; empty when none is."""
    late: dict[str, Any] = {}
    is_finalizing = batch.status is BatchStatus.FINALIZING
    grace = FINALIZE_GRACE if is_finalizing else GRACE
    if (is_finalizing or batch.op is not None) and batch.due_at <= now - grace:
        late |= {"wake": batch.wake + 1, "due_at": now}
    if batch.waking is not None and batch.waking.due_at <= now - GRACE:
        late["waking"] = replace(batch.waking, turn=batch.waking.turn + 1, due_at=now)
    if batch.status is BatchStatus.DRAINING and batch.op is None and batch.waking is None:
        # Nothing else would ever end them. Only what an older version began to drain has no chain.
        late |= {"epoch": batch.epoch + 1, "waking": Waking(due_at=now)}
    return late


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
