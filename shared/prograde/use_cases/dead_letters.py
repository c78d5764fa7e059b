"""Dead letters: who failed or was not found, kept with the evidence until somebody replays or discards them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from prograde.domain.batch import Batch, reopened
from prograde.domain.counter import Counter
from prograde.domain.effects import Task, effects_of_many
from prograde.domain.outcome import Refusal
from prograde.domain.professional import Professional, State, replayed
from prograde.errors import ConflictError, NotFoundError, ProgradeError
from prograde.ports import WRITTEN_MAX, Attempt, BatchStore, Transaction
from prograde.replacing import replace
from prograde.use_cases.announce import announce_status
from prograde.use_cases.read_batch import read_batch, stored_batch
from prograde.use_cases.services import Services

CHUNK = WRITTEN_MAX
READ_AT_ONCE = 100
CHUNKS_MAX = 20
"""Reads that one page of letters goes through: then it says where to go on."""


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Dead letters by id, and the id after which the next page begins; None at the end."""

    letters: tuple[Professional, ...]
    next: str | None


def dead_letters(
    store: BatchStore, batch_id: str, cause: str | None = None, *, is_discarded: bool = False
) -> Iterator[Professional]:
    """
    Stream a batch's professionals that failed or were not found, by id: those that were discarded, or the others.

    Of one cause only if it is given. Raises NotFoundError when there is no such batch.
    """
    read_batch(store, batch_id)
    after = ""
    while ended := _ended(store, batch_id, after, cause):
        for professional in ended:
            if professional.is_discarded is is_discarded and cause in (None, professional.failure_cause):
                yield professional
        after = ended[-1].professional_id


def dead_letter_page(
    store: BatchStore, batch_id: str, after: str, limit: int, cause: str | None = None, *, is_discarded: bool = False
) -> LetterPage:
    """
    Read at most `limit` dead letters whose id follows `after`.

    A bounded number of professionals is looked at, so that a page may have fewer letters, or none, and yet a
    next one. Raises NotFoundError when there is no such batch.
    """
    read_batch(store, batch_id)
    letters: list[Professional] = []
    for _ in range(CHUNKS_MAX):
        ended = _ended(store, batch_id, after, cause)
        for professional in ended:
            after = professional.professional_id
            if professional.is_discarded is is_discarded and cause in (None, professional.failure_cause):
                letters.append(professional)
                if len(letters) == limit:
                    return LetterPage(tuple(letters), after)
        if len(ended) < READ_AT_ONCE:
            return LetterPage(tuple(letters), None)
    return LetterPage(tuple(letters), after)


def _ended(store: BatchStore, batch_id: str, after: str, cause: str | None) -> list[Professional]:
    """Read who failed or was not found, the next READ_AT_ONCE by id; the latter only if that may be the cause."""
    states = (State.FAILED, State.NOT_FOUND) if cause in (None, Refusal.NOT_FOUND) else (State.FAILED,)
    ended = [each for state in states for each in store.in_state(batch_id, state, after, READ_AT_ONCE)]
    return sorted(ended, key=lambda professional: professional.professional_id)[:READ_AT_ONCE]


def evidence(services: Services, batch_id: str, professional_id: str) -> tuple[Professional, tuple[Attempt, ...]]:
    """Read a dead letter and every call that was made for it; raises NotFoundError, or ConflictError."""
    read_batch(services.store, batch_id)
    professional = services.store.professional(batch_id, professional_id)
    if professional is None:
        raise NotFoundError(f"batch {batch_id} has no professional {professional_id}")
    if not professional.is_dead_letter:
        raise ConflictError(f"professional {professional_id} is {professional.state}: it has no dead letter")
    return professional, services.warehouse.attempts(batch_id, professional_id)


def replay(services: Services, batch_id: str, professional_ids: Sequence[str]) -> Batch:
    """
    Open dead letters again, each with a new step; the batch runs on, and another grading run follows.

    A chunk at a time, whole or not at all; none gets its task before all are open, for the batch must not come to its
    end in between. Raises NotFoundError for an unknown id, and ConflictError for one that is no dead letter or a batch
    that cannot be reopened (cancelled, draining, finalizing); one that is open already is left as it is.
    """
    now = services.clock.now()
    batch = read_batch(services.store, batch_id)
    tasks: list[Task] = []
    try:
        for ids in _chunks(professional_ids):
            after, awake = services.store.transact(partial(_reopen, batch_id=batch_id, ids=ids, now=now))
            tasks += effects_of_many(after, awake)
            if after.status is not batch.status:
                announce_status(services, after, now)
            batch = after
    except ProgradeError:
        # Whoever is open already must not wait for what went wrong with the others.
        services.queue.enqueue(tasks)
        raise
    services.queue.enqueue(tasks)
    return batch


def _reopen(
    transaction: Transaction, batch_id: str, ids: Sequence[str], now: datetime
) -> tuple[Batch, list[Professional]]:
    batch, professionals = _read(transaction, batch_id, ids)
    closed = [each for each in professionals if each.is_final]
    if not closed:
        return batch, professionals
    counters = _reopened_counters(transaction, batch, closed)
    awake = [replayed(each, now, batch.epoch) if each.is_final else each for each in professionals]
    were_drained = sum(counter.pending == count for counter, count in counters)
    running = replace(reopened(batch, now), drained=batch.drained - were_drained)
    transaction.put_batch(running)
    for counter, _ in counters:
        transaction.put_counter(batch_id, counter)
    for professional in awake:
        transaction.put_professional(professional)
    return running, awake


def discard(services: Services, batch_id: str, professional_ids: Sequence[str]) -> int:
    """
    Take dead letters off the list: they were looked at, and the professionals stay as they are.

    Returns how many were not discarded already. Raises NotFoundError for an unknown id, and ConflictError for one
    that is none.
    """
    read_batch(services.store, batch_id)
    count = 0
    for ids in _chunks(professional_ids):

        def note(transaction: Transaction, ids: Sequence[str] = ids) -> int:
            _, professionals = _read(transaction, batch_id, ids)
            for professional in professionals:
                if not professional.is_dead_letter:
                    raise ConflictError(
                        f"professional {professional.professional_id} is {professional.state}: it has no dead letter"
                    )
            listed = [professional for professional in professionals if not professional.is_discarded]
            for professional in listed:
                transaction.put_professional(replace(professional, is_discarded=True))
            return len(listed)

        count += services.store.transact(note)
    return count


def _chunks(professional_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    unique = list(dict.fromkeys(professional_ids))
    return (unique[start : start + CHUNK] for start in range(0, len(unique), CHUNK))


def _read(transaction: Transaction, batch_id: str, ids: Sequence[str]) -> tuple[Batch, list[Professional]]:
    batch = stored_batch(transaction, batch_id)
    professionals = []
    for professional_id in ids:
        professional = transaction.professional(batch_id, professional_id)
        if professional is None:
            raise NotFoundError(f"batch {batch_id} has no professional {professional_id}")
        professionals.append(professional)
    return batch, professionals


def _reopened_counters(
    transaction: Transaction, batch: Batch, closed: Sequence[Professional]
) -> list[tuple[Counter, int]]:
    """Read the counters of final professionals, and open as many on each as are told beside it."""
    theirs: dict[int, list[Professional]] = {}
    for professional in closed:
        theirs.setdefault(professional.sequence % batch.counters, []).append(professional)
    return [
        (transaction.counter(batch.batch_id, index).reopened(members), len(members))
        for index, members in sorted(theirs.items())
    ]
