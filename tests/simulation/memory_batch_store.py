"""The state of the protocol in dictionaries, with transactions that conflict as Firestore's do."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from typing_extensions import override

from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import Professional, State
from prograde.errors import CorruptionError, UnavailableError
from prograde.ports import BatchStore, Place, Transaction

T = TypeVar("T")

TRIES_MAX = 100
Key = tuple[str, Hashable, Hashable]
Written = dict[Key, object]


class Conflict(Exception):  # noqa: N818  # a signal of this module, not an error of anybody's
    """Somebody else wrote what this transaction had read."""


Audit = Callable[[Written, Written], None]
"""Is shown each commit: what was stored before and after, by key."""


class SimulatedStore(BatchStore, Protocol):
    """A BatchStore whose transactions can be made to abort."""

    def attempt(self, callback: Callable[[Transaction], T]) -> T | None:
        """Let a transaction abort: this one, or the next commit; raises Conflict if it does anyway."""
        ...


class MemoryBatchStore(BatchStore):
    """BatchStore of frozen values: what is put is what is read."""

    def __init__(self, audit: Audit = lambda _before, _after: None) -> None:
        self._documents: Written = {}
        self._versions: dict[Key, int] = {}
        self._watermarks: dict[str, datetime] = {}
        self._guard = threading.Lock()
        self._audit = audit

    @override
    def transact(self, callback: Callable[[Transaction], T]) -> T:
        for _ in range(TRIES_MAX):
            try:
                return self.attempt(callback)
            except Conflict:
                continue
        raise UnavailableError("too much contention on these documents")

    def attempt(self, callback: Callable[[Transaction], T]) -> T:
        """Run the callback once and commit; raises Conflict if what it read is no longer what is stored."""
        transaction = _OptimisticTransaction(self._documents, self._versions)
        result = callback(transaction)
        self._commit(transaction.written, transaction.seen)
        return result

    def _commit(self, written: Written, seen: dict[Key, int]) -> None:
        with self._guard:
            if any(self._versions.get(key, 0) != version for key, version in seen.items()):
                raise Conflict
            before = {key: self._documents[key] for key in written if key in self._documents}
            for key, value in written.items():
                self._documents[key] = value
                self._versions[key] = self._versions.get(key, 0) + 1
        if written:
            self._audit(before, written)

    @override
    def create_batch(self, batch: Batch, counters: Sequence[Counter]) -> bool:
        written: Written = {batch_key(batch.batch_id): batch}
        written |= {counter_key(batch.batch_id, counter.index): counter for counter in counters}
        try:
            self._commit(written, {batch_key(batch.batch_id): 0})
        except Conflict:
            return False
        return True

    @override
    def create_professionals(self, professionals: Sequence[Professional]) -> None:
        for professional in professionals:
            key = professional_key(professional.batch_id, professional.professional_id)
            try:
                self._commit({key: professional}, {key: 0})
            except Conflict:
                continue

    @override
    def batch(self, batch_id: str) -> Batch | None:
        return _read(self._documents, batch_key(batch_id), Batch)

    @override
    def batches(self) -> Iterator[Batch]:
        found = [value for value in list(self._documents.values()) if isinstance(value, Batch)]
        return iter(sorted(found, key=lambda batch: (-batch.created_at.timestamp(), batch.batch_id)))

    @override
    def unfinished(self) -> Iterator[Batch]:
        return (batch for batch in self.batches() if not batch.status.is_over)

    @override
    def newest(self, after: Place | None, limit: int) -> tuple[Batch, ...]:
        newest = sorted(self.batches(), key=lambda batch: (batch.created_at, batch.batch_id), reverse=True)
        place = (after.created_at, after.batch_id) if after else None
        return tuple(b for b in newest if place is None or (b.created_at, b.batch_id) < place)[:limit]

    @override
    def counters(self, batch_id: str) -> tuple[Counter, ...]:
        found = (
            value
            for (kind, batch, _), value in list(self._documents.items())
            if kind == "counter" and batch == batch_id and isinstance(value, Counter)
        )
        return tuple(sorted(found, key=lambda counter: counter.index))

    @override
    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        return _read(self._documents, professional_key(batch_id, professional_id), Professional)

    @override
    def professionals(self, batch_id: str) -> Iterator[Professional]:
        return iter(sorted(self._of(batch_id), key=lambda professional: professional.professional_id))

    @override
    def due_before(self, batch_id: str, moment: datetime, limit: int) -> tuple[Professional, ...]:
        found = [one for one in self._of(batch_id) if not one.is_final and one.due_at < moment]
        return tuple(sorted(found, key=lambda one: (one.due_at, one.professional_id))[:limit])

    @override
    def in_state(self, batch_id: str, state: State, after: str, limit: int) -> tuple[Professional, ...]:
        found = (one for one in self._of(batch_id) if one.state is state and one.professional_id > after)
        return tuple(sorted(found, key=lambda one: one.professional_id)[:limit])

    @override
    def from_id(self, batch_id: str, professional_id: str, limit: int) -> tuple[Professional, ...]:
        return tuple(one for one in self.professionals(batch_id) if one.professional_id >= professional_id)[:limit]

    @override
    def check(self) -> None:
        """Do nothing: memory always answers."""

    def _of(self, batch_id: str) -> list[Professional]:
        values = list(self._documents.values())
        return [value for value in values if isinstance(value, Professional) and value.batch_id == batch_id]

    @override
    def watermark(self, source: str) -> datetime | None:
        return self._watermarks.get(source)

    @override
    def raise_watermark(self, source: str, sent_at: datetime, now: datetime) -> None:
        stored = self._watermarks.get(source)
        if stored is None or stored < sent_at or stored > now:
            self._watermarks[source] = sent_at


class _OptimisticTransaction(Transaction):
    """Remembers the version of what it read, and what it would write."""

    def __init__(self, documents: Written, versions: dict[Key, int]) -> None:
        self._documents = documents
        self._versions = versions
        self.seen: dict[Key, int] = {}
        self.written: Written = {}

    def _note(self, key: Key) -> Key:
        assert not self.written, "no read may follow a write"
        self.seen.setdefault(key, self._versions.get(key, 0))
        return key

    @override
    def batch(self, batch_id: str) -> Batch | None:
        return _read(self._documents, self._note(batch_key(batch_id)), Batch)

    @override
    def counter(self, batch_id: str, index: int) -> Counter:
        counter = _read(self._documents, self._note(counter_key(batch_id, index)), Counter)
        if counter is None:
            raise CorruptionError(f"batch {batch_id} has no counter {index}")
        return counter

    @override
    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        return _read(self._documents, self._note(professional_key(batch_id, professional_id)), Professional)

    @override
    def put_batch(self, batch: Batch) -> None:
        self.written[batch_key(batch.batch_id)] = batch

    @override
    def put_counter(self, batch_id: str, counter: Counter) -> None:
        self.written[counter_key(batch_id, counter.index)] = counter

    @override
    def put_professional(self, professional: Professional) -> None:
        self.written[professional_key(professional.batch_id, professional.professional_id)] = professional


def batch_key(batch_id: str) -> Key:
    return ("batch", batch_id, "")


def counter_key(batch_id: str, index: int) -> Key:
    return ("counter", batch_id, index)


def professional_key(batch_id: str, professional_id: str) -> Key:
    return ("professional", batch_id, professional_id)


def _read(documents: Written, key: Key, kind: type[T]) -> T | None:
    value = documents.get(key)
    assert value is None or isinstance(value, kind)
    return value
