"""A transaction of the batch store's, on one of Firestore's."""

from datetime import datetime
from typing import cast

from google.cloud import firestore

from prograde.adapters.documents import BATCH, COUNTER, PROFESSIONAL
from prograde.adapters.gcp.firestore_layout import (
    DOCUMENT,
    Layout,
    batch_fields,
    counter_fields,
    professional_fields,
)
from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import Professional
from prograde.errors import CorruptionError


class FirestoreTransaction:
    """Transaction over Firestore: reads lock or are checked again at the commit, writes wait for it."""

    def __init__(self, transaction: firestore.Transaction, layout: Layout, now: datetime) -> None:
        self._transaction = transaction
        self._layout = layout
        self._now = now

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        text = self._text(self._layout.batch(batch_id))
        return None if text is None else BATCH.read(text)

    def counter(self, batch_id: str, index: int) -> Counter:
        """Read a counter."""
        text = self._text(self._layout.counter(batch_id, index))
        if text is None:
            raise CorruptionError(f"batch {batch_id} has no counter {index}")
        return COUNTER.read(text)

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        text = self._text(self._layout.professional(batch_id, professional_id))
        return None if text is None else PROFESSIONAL.read(text)

    def put_batch(self, batch: Batch) -> None:
        """Write a batch."""
        self._transaction.set(self._layout.batch(batch.batch_id), batch_fields(batch, self._now))

    def put_counter(self, batch_id: str, counter: Counter) -> None:
        """Write a counter."""
        self._transaction.set(self._layout.counter(batch_id, counter.index), counter_fields(counter, self._now))

    def put_professional(self, professional: Professional) -> None:
        """Write a professional."""
        at = self._layout.professional(professional.batch_id, professional.professional_id)
        self._transaction.set(at, professional_fields(professional, self._now))

    def _text(self, at: firestore.DocumentReference) -> str | None:
        snapshot = at.get(transaction=self._transaction)
        return cast("str", snapshot.get(DOCUMENT)) if snapshot.exists else None
