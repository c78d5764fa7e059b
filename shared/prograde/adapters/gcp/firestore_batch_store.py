"""Batches, counters and professionals in Firestore."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar, cast

from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore
from google.cloud.firestore_v1.base_document import DocumentSnapshot
from google.cloud.firestore_v1.base_query import BaseQuery, FieldFilter
from google.cloud.firestore_v1.document import DocumentReference

from prograde.adapters.documents import BATCH, COUNTER, PROFESSIONAL
from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.gcp.firestore_layout import (
    CREATED_AT,
    DOCUMENT,
    Layout,
    batch_fields,
    counter_fields,
    document_id,
    professional_fields,
)
from prograde.adapters.gcp.firestore_transaction import FirestoreTransaction
from prograde.adapters.gcp.firestore_transactions import ATTEMPTS_MAX, SERVICE, Transactions
from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import Professional, State
from prograde.errors import UnavailableError
from prograde.ports import Clock, Place

T = TypeVar("T")

_ROWS_IN_MEMORY = 500
_NAME = "__name__"
_DESCENDING = "DESCENDING"


class FirestoreBatchStore:
    """
    BatchStore over Firestore.

    No document is hot: a step writes its professional, and only a final transition one of the batch's counters.
    """

    def __init__(self, client: firestore.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._layout = Layout(client)
        self._transactions = Transactions(client, clock)

    def transact(self, callback: Callable[[FirestoreTransaction], T]) -> T:
        """
        Run the callback in a transaction, again when another one was quicker.

        Raises UnavailableError when others always are, and when a commit's answer was lost: it may have been done.
        """
        now = self._clock.now()
        return self._transactions.run(
            lambda transaction: callback(FirestoreTransaction(transaction, self._layout, now)),
        )

    def create_batch(self, batch: Batch, counters: Sequence[Counter]) -> bool:
        """Create a batch and its counters, unless the id is taken."""
        now = self._clock.now()
        writes = self._client.batch()
        writes.create(self._layout.batch(batch.batch_id), batch_fields(batch, now))
        for counter in counters:
            writes.create(self._layout.counter(batch.batch_id, counter.index), counter_fields(counter, now))
        with mapped_errors(SERVICE):
            try:
                writes.commit()
            except AlreadyExists:
                # The client repeats a commit whose answer was lost: then it is this very batch that is there.
                return self.batch(batch.batch_id) == batch
        return True

    def create_professionals(self, professionals: Sequence[Professional]) -> None:
        """Create those that do not exist yet; at once, as in nearly all cases none does."""
        missing = list(professionals)
        with mapped_errors(SERVICE):
            for _ in range(ATTEMPTS_MAX):
                try:
                    self._create(missing)
                    return
                except AlreadyExists:
                    missing = self._missing(missing)
        raise UnavailableError(f"{SERVICE}: others keep creating the same professionals")

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        with mapped_errors(SERVICE):
            snapshot = self._layout.batch(batch_id).get()
        return BATCH.read(snapshot.get(DOCUMENT)) if snapshot.exists else None

    def batches(self) -> Iterator[Batch]:
        """Read all batches, newest first."""
        return self._newest_first(self._layout.batches.order_by(_NAME))

    def unfinished(self) -> Iterator[Batch]:
        """Read the batches that are not over."""
        is_unfinished = FieldFilter("is_over", "==", value=False)
        return self._newest_first(self._layout.batches.where(filter=is_unfinished))

    def newest(self, after: Place | None, limit: int) -> tuple[Batch, ...]:
        """Read batches, newest first."""
        newest = self._layout.batches.order_by(CREATED_AT, direction=_DESCENDING)
        page = newest.order_by(_NAME, direction=_DESCENDING)
        if after is not None:
            last = {CREATED_AT: after.created_at, _NAME: self._layout.batch(after.batch_id)}
            page = page.start_after(last)
        return tuple(BATCH.read(text) for text in self._texts(page.limit(limit)))

    def counters(self, batch_id: str) -> tuple[Counter, ...]:
        """Read a batch's counters."""
        return tuple(COUNTER.read(text) for text in self._texts(self._layout.counters(batch_id).order_by(_NAME)))

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        with mapped_errors(SERVICE):
            snapshot = self._layout.professional(batch_id, professional_id).get()
        return PROFESSIONAL.read(snapshot.get(DOCUMENT)) if snapshot.exists else None

    def professionals(self, batch_id: str) -> Iterator[Professional]:
        """Stream a batch's professionals by id; Firestore orders names by their UTF-8, which is by code point."""
        after = ""
        while True:
            page = self._after(batch_id, self._layout.professionals(batch_id).order_by(_NAME), after, _ROWS_IN_MEMORY)
            yield from page
            if len(page) < _ROWS_IN_MEMORY:
                return
            after = page[-1].professional_id

    def due_before(self, batch_id: str, moment: datetime, limit: int) -> tuple[Professional, ...]:
        """Read open professionals that were due before a moment."""
        overdue = self._layout.professionals(batch_id).where(filter=FieldFilter("due_at", "<", moment))
        return tuple(PROFESSIONAL.read(text) for text in self._texts(overdue.order_by("due_at").limit(limit)))

    def in_state(self, batch_id: str, state: State, after: str, limit: int) -> tuple[Professional, ...]:
        """Read professionals of a state whose id comes after another."""
        those = self._layout.professionals(batch_id).where(filter=FieldFilter("state", "==", state.value))
        return self._after(batch_id, those.order_by(_NAME), after, limit)

    def from_id(self, batch_id: str, professional_id: str, limit: int) -> tuple[Professional, ...]:
        """Read professionals from an id on."""
        first = self._layout.professional(batch_id, professional_id)
        page = self._layout.professionals(batch_id).order_by(_NAME).start_at({_NAME: first}).limit(limit)
        return tuple(PROFESSIONAL.read(text) for text in self._texts(page))

    def watermark(self, source: str) -> datetime | None:
        """Tell when a source's latest delivered sounding had been sent."""
        with mapped_errors(SERVICE):
            return _sent_at(self._layout.watermark(source).get())

    def raise_watermark(self, source: str, sent_at: datetime, now: datetime) -> None:
        """Record a delivered sounding."""

        def raise_it(transaction: firestore.Transaction) -> None:
            stored = _sent_at(self._layout.watermark(source).get(transaction=transaction))
            if stored is None or stored < sent_at or stored > now:
                transaction.set(self._layout.watermark(source), {"sent_at": sent_at})

        self._transactions.run(raise_it)

    def check(self) -> None:
        """Ask for one batch."""
        self.newest(None, 1)

    def _newest_first(self, those: BaseQuery) -> Iterator[Batch]:
        batches = [BATCH.read(text) for text in self._texts(those)]
        batches.sort(key=lambda batch: batch.batch_id)
        batches.sort(key=lambda batch: batch.created_at, reverse=True)
        return iter(batches)

    def _create(self, professionals: Sequence[Professional]) -> None:
        now = self._clock.now()
        writes = self._client.batch()
        for professional in professionals:
            at = self._layout.professional(professional.batch_id, professional.professional_id)
            writes.create(at, professional_fields(professional, now))
        if professionals:
            writes.commit()

    def _missing(self, professionals: Sequence[Professional]) -> list[Professional]:
        places = {
            self._layout.professional(professional.batch_id, professional.professional_id): professional
            for professional in professionals
        }
        found = self._client.get_all(list(places), field_paths=["state"])
        return [places[snapshot.reference] for snapshot in found if not snapshot.exists]

    def _after(self, batch_id: str, those: BaseQuery, after: str, limit: int) -> tuple[Professional, ...]:
        last = self._layout.professionals(batch_id).document(document_id(after))
        page = those.start_after({_NAME: last}).limit(limit)
        return tuple(PROFESSIONAL.read(text) for text in self._texts(page))

    def _texts(self, query: BaseQuery) -> list[str]:
        with mapped_errors(SERVICE):
            return [snapshot.get(DOCUMENT) for snapshot in cast("firestore.Query", query).stream()]


def _sent_at(snapshot: DocumentSnapshot[DocumentReference]) -> datetime | None:
    return datetime.fromisoformat(snapshot.get("sent_at").isoformat()) if snapshot.exists else None
