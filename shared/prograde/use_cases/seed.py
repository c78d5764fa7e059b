"""Walk the roster: create each professional that is not there yet and enqueue its first task, chunk by chunk."""

from datetime import datetime, timedelta

from prograde.domain.batch import Batch, BatchStatus, Seeding, seeded
from prograde.domain.effects import SeedTask, effects, effects_of_many
from prograde.domain.professional import Professional
from prograde.errors import CorruptionError
from prograde.ports import Transaction
from prograde.use_cases.announce import announce_status
from prograde.use_cases.read_batch import read_batch, stored_batch
from prograde.use_cases.services import Services

CHUNK = 500
CHUNK_BYTES = 256 * 1024
OPEN_MAX = 10_000
"""Professionals open at once: enough for any rate, and few enough that a pause leaves little in the queue."""
FULL_WAIT = timedelta(seconds=10)


def seed_step(services: Services, task: SeedTask) -> None:
    """Take a delivered seed task: do its chunk if it is the expected one, and see that the next is enqueued."""
    batch = read_batch(services.store, task.batch_id)
    if batch.op is not None and (task.wake, task.offset) == (batch.wake, batch.op.offset):
        seed(services, batch)
    else:
        services.queue.enqueue(tuple(effects(batch)))


def seed(services: Services, batch: Batch) -> Batch:
    """
    Seed the next chunk of a batch whose op is seeding, and return the batch as it is then stored.

    Everything is created if absent, and the cursor moves last: a repeated chunk repeats nothing. A paused batch is
    seeded on without tasks, which the resume brings; a cancelled one too, for everybody is to end.
    """
    op = batch.op
    if op is None:
        return batch
    # Who is seeded while the batch drains stays open until everybody is there: to wait for them would be for ever.
    is_draining = batch.status is BatchStatus.DRAINING
    if not is_draining and _open_count(services, batch, op) > OPEN_MAX:
        return _moved(services, batch, op, services.clock.now() + FULL_WAIT)
    ids, end = _chunk(services, batch, op.offset)
    now = services.clock.now()
    professionals = [
        Professional(batch.batch_id, professional_id, op.seeded + index, due_at=now, epoch=batch.epoch)
        for index, professional_id in enumerate(ids)
    ]
    services.store.create_professionals(professionals)
    services.queue.enqueue(effects_of_many(batch, professionals))
    return _moved(services, batch, Seeding(end, op.seeded + len(ids)), now)


def _open_count(services: Services, batch: Batch, op: Seeding) -> int:
    pending = sum(counter.pending for counter in services.store.counters(batch.batch_id))
    return op.seeded - (batch.roster.professionals - pending)


def _chunk(services: Services, batch: Batch, offset: int) -> tuple[list[str], int]:
    """Read the ids of the next chunk, and the offset behind it."""
    content = services.blobs.read(batch.roster.blob, offset, CHUNK_BYTES)
    lines = content.split(b"\n")[:-1][:CHUNK]
    if not lines:
        raise CorruptionError(
            f"the roster of batch {batch.batch_id} has no line at byte {offset}: professionals are missing"
        )
    return [line.decode() for line in lines], offset + sum(len(line) + 1 for line in lines)


def _moved(services: Services, seen: Batch, op: Seeding, due_at: datetime) -> Batch:
    """Move the cursor if it still stands where `seen` saw it, then enqueue what the stored batch asks for."""

    def move(transaction: Transaction) -> Batch:
        stored = stored_batch(transaction, seen.batch_id)
        # What wakes everybody renews the chain too: the chunk is walked again, it may have been given no tasks.
        if (stored.op, stored.wake) != (seen.op, seen.wake):
            return stored
        moved = seeded(stored, op, due_at, services.clock.now())
        transaction.put_batch(moved)
        return moved

    batch = services.store.transact(move)
    services.queue.enqueue(tuple(effects(batch)))
    if batch.status is BatchStatus.FINALIZING:
        announce_status(services, batch, services.clock.now())
    return batch
