"""Walk a batch's unfinished professionals once an epoch and give each a new task, chunk by chunk."""

from dataclasses import replace

from prograde.domain.batch import Batch, Waking
from prograde.domain.effects import WakeTask, effects, effects_of_many
from prograde.domain.professional import Professional, State, begun_anew
from prograde.errors import CorruptionError
from prograde.ports import WRITTEN_MAX, Transaction
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services

CHUNK = WRITTEN_MAX


def wake_step(services: Services, task: WakeTask) -> None:
    """Take a delivered wake task: do its chunk if it is the expected one, and see that the next is enqueued."""
    batch = read_batch(services.store, task.batch_id)
    if batch.waking is not None and (task.epoch, task.turn) == (batch.epoch, batch.waking.turn):
        batch = _wake_chunk(services, batch, batch.waking)
    services.queue.enqueue(tuple(effects(batch)))


def _wake_chunk(services: Services, batch: Batch, waking: Waking) -> Batch:
    """
    Wake the next chunk, and return the batch as it is then stored.

    Tasks are derived from what is stored, also for those that an earlier try has woken, and the cursor moves last: a
    repeated chunk repeats nothing and forgets nobody.
    """
    chunk = services.store.in_state(batch.batch_id, State.OPEN, waking.after, CHUNK)
    now = services.clock.now()

    def wake(transaction: Transaction) -> list[Professional]:
        stored = [transaction.professional(batch.batch_id, seen.professional_id) for seen in chunk]
        awake = []
        for professional in stored:
            if professional is not None and not professional.is_final and professional.epoch < batch.epoch:
                professional = begun_anew(professional, now, batch.epoch)  # noqa: PLW2901  # stored in its place
                transaction.put_professional(professional)
            if professional is not None:
                awake.append(professional)
        return awake

    awake = services.store.transact(wake)
    services.queue.enqueue(effects_of_many(batch, awake))

    def move(transaction: Transaction) -> Batch:
        stored = transaction.batch(batch.batch_id)
        if stored is None:
            raise CorruptionError(f"batch {batch.batch_id} is gone")
        if stored.epoch != batch.epoch or stored.waking != waking:
            return stored
        is_done = len(chunk) < CHUNK
        following = None if is_done else Waking(now, chunk[-1].professional_id, waking.turn + 1)
        moved = replace(stored, waking=following)
        transaction.put_batch(moved)
        return moved

    return services.store.transact(move)
