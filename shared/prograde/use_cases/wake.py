"""
Walk a batch's unfinished professionals once an epoch, chunk by chunk, and give each a new task.

While the batch drains each is ended instead: that takes no call, and so no place in the queue of pages.
"""

from collections.abc import Sequence
from datetime import datetime

from prograde.domain.advancing import advance
from prograde.domain.batch import Batch, BatchStatus, Waking, counter_drained
from prograde.domain.effects import WakeTask, effects, effects_of_many
from prograde.domain.outcome import Cancelled, GivenUp
from prograde.domain.professional import Professional, State, begun_anew
from prograde.ports import WRITTEN_MAX, Transaction
from prograde.replacing import replace
from prograde.use_cases.announce import announce_status
from prograde.use_cases.read_batch import read_batch, stored_batch
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
    Wake or end the next chunk, and return the batch as it is then stored.

    The cursor moves last: a repeated chunk repeats nothing and forgets nobody.
    """
    chunk = services.store.in_state(batch.batch_id, State.OPEN, waking.after, CHUNK)
    if batch.status is BatchStatus.DRAINING:
        _end(services, batch, chunk)
    else:
        _wake(services, batch, chunk)

    def move(transaction: Transaction) -> Batch:
        stored = stored_batch(transaction, batch.batch_id)
        if stored.epoch != batch.epoch or stored.waking != waking:
            return stored
        is_done = len(chunk) < CHUNK
        following = None if is_done else Waking(services.clock.now(), chunk[-1].professional_id, waking.turn + 1)
        moved = replace(stored, waking=following)
        transaction.put_batch(moved)
        return moved

    return services.store.transact(move)


def _wake(services: Services, batch: Batch, chunk: Sequence[Professional]) -> None:
    """Give each a new task; tasks are derived from what is stored, also for those that an earlier try has woken."""
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


def _end(services: Services, batch: Batch, chunk: Sequence[Professional]) -> None:
    """End each without a call; the last one of all starts finalize."""
    now = services.clock.now()
    outcome = Cancelled() if batch.is_cancelled else GivenUp()

    def end(transaction: Transaction) -> Batch:
        before = stored_batch(transaction, batch.batch_id)
        # Whoever is open after a replay is not to end.
        if (before.status, before.epoch) != (BatchStatus.DRAINING, batch.epoch):
            return before
        stored = [transaction.professional(batch.batch_id, seen.professional_id) for seen in chunk]
        ended = [
            advance(professional, outcome, batch.parameters, now)
            for professional in stored
            if professional is not None and not professional.is_final
        ]
        after = _counted(transaction, before, ended, now)
        for professional in ended:
            transaction.put_professional(professional)
        return after

    after = services.store.transact(end)
    if after.status is BatchStatus.FINALIZING:
        announce_status(services, after, now)


def _counted(transaction: Transaction, batch: Batch, ended: Sequence[Professional], now: datetime) -> Batch:
    """Count who ended; the batch changes with a counter that has nothing left."""
    dealt = {professional.sequence % batch.counters for professional in ended}
    counters = {index: transaction.counter(batch.batch_id, index) for index in sorted(dealt)}
    for professional in ended:
        index = professional.sequence % batch.counters
        counters[index] = counters[index].closed_one(professional, None, now)
    after = batch
    for counter in counters.values():
        transaction.put_counter(batch.batch_id, counter)
        after = counter_drained(after, now) if counter.pending == 0 else after
    if after is not batch:
        transaction.put_batch(after)
    return after
