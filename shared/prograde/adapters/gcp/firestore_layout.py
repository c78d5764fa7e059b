"""Where documents lie in Firestore, and which fields they have beside their JSON."""

from datetime import datetime, timedelta
from typing import cast

from google.cloud import firestore

from prograde.adapters.documents import BATCH, COUNTER, PROFESSIONAL
from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import Professional

DOCUMENT = "document"
CREATED_AT = "created_at"
EXPIRE_AT = "expire_at"
"""The field of the TTL policy: Firestore deletes a document within a day or so of it."""
KEPT = timedelta(days=400)
"""How long after its last write a document is kept: a year's batches can be compared, and graded again."""

Fields = dict[str, object]


class Layout:
    """
    One JSON text a document, beside only the fields that a query selects by.

    `infra/terraform/schemas/firestore.indexes.json` exempts the others from indexing: most of what a write costs.
    """

    def __init__(self, client: firestore.Client) -> None:
        self.batches: firestore.CollectionReference = client.collection("batches")
        self._watermarks: firestore.CollectionReference = client.collection("watermarks")

    def watermark(self, source: str) -> firestore.DocumentReference:
        """Find the watermark of a source's page queue; a source's name is a legal document's."""
        return self._watermarks.document(source)

    def batch(self, batch_id: str) -> firestore.DocumentReference:
        """Find a batch."""
        return self.batches.document(batch_id)

    def counters(self, batch_id: str) -> firestore.CollectionReference:
        """Find the counters of a batch; by name they stand in order of their index."""
        return cast("firestore.CollectionReference", self.batch(batch_id).collection("counters"))

    def counter(self, batch_id: str, index: int) -> firestore.DocumentReference:
        """Find a counter."""
        return self.counters(batch_id).document(f"{index:04}")

    def professionals(self, batch_id: str) -> firestore.CollectionReference:
        """Find the professionals of a batch; by name they stand in order of their id."""
        return cast("firestore.CollectionReference", self.batch(batch_id).collection("professionals"))

    def professional(self, batch_id: str, professional_id: str) -> firestore.DocumentReference:
        """Find a professional."""
        return self.professionals(batch_id).document(document_id(professional_id))


def document_id(professional_id: str) -> str:
    """
    Name a professional's document: readable, legal whatever the id is, and in the order of the ids.

    Firestore allows neither a slash nor the names ".", ".." and "__…__". "." and "/" are neighbours, so that what
    stands for them keeps their order.
    """
    return "=" + professional_id.replace(".", ".0").replace("/", ".1")


def batch_fields(batch: Batch, now: datetime) -> Fields:
    """Give the fields of a batch."""
    return {
        DOCUMENT: BATCH.write(batch),
        CREATED_AT: batch.created_at,
        EXPIRE_AT: now + KEPT,
        "is_over": batch.status.is_over,
    }


def counter_fields(counter: Counter, now: datetime) -> Fields:
    """Give the fields of a counter."""
    return {DOCUMENT: COUNTER.write(counter), EXPIRE_AT: now + KEPT}


def professional_fields(professional: Professional, now: datetime) -> Fields:
    """Give the fields of a professional; only an open one has a due_at, so that one automatic index finds them."""
    fields: Fields = {
        DOCUMENT: PROFESSIONAL.write(professional),
        EXPIRE_AT: now + KEPT,
        "state": professional.state.value,
    }
    if not professional.is_final:
        fields["due_at"] = professional.due_at
    return fields
