"""The documents of a database, and what a write may do to them."""

from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.firestore_v1.types import Document, WriteResult
from google.protobuf.timestamp_pb2 import Timestamp

from tests.emulators.firestore.values import name_size, size_of
from tests.emulators.grpc_service import Message, RefusalError, invalid, raw

DOCUMENT_BYTES_MAX = 1_048_576
FIELD_BYTES_MAX = DOCUMENT_BYTES_MAX - 89
ID_BYTES_MAX = 1_500
DOCUMENT_OVERHEAD_BYTES = 32

DocumentMessage = raw(Document)
WriteResultMessage = raw(WriteResult)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as committed; `version` numbers the commits of the whole database."""

    message: Message
    version: int


@dataclass(slots=True)
class Documents:
    """All documents by their full names."""

    by_name: dict[str, Stored] = field(default_factory=dict)
    version: int = 0

    def version_of(self, name: str) -> int:
        """Tell by which commit a document got its content; 0 for one that is not there."""
        return self.by_name[name].version if name in self.by_name else 0

    def commit(self, writes: list[Message], now: Timestamp) -> list[Message]:
        """Apply all writes or none."""
        pending: dict[str, Stored | None] = {}
        results = [self._apply(write, pending, now) for write in writes]
        self.version += 1
        for name, stored in pending.items():
            if stored is None:
                self.by_name.pop(name, None)
            else:
                self.by_name[name] = stored
        return results

    def _apply(self, write: Message, pending: dict[str, Stored | None], now: Timestamp) -> Message:
        operation = write.WhichOneof("operation")
        if operation not in {"update", "delete"} or write.update_transforms:
            raise invalid(f"{operation} with transforms is not stood in for")
        name = write.update.name if operation == "update" else write.delete
        check_name(name)
        before = pending[name] if name in pending else self.by_name.get(name)
        _check_precondition(write.current_document, name, before)
        pending[name] = None if operation == "delete" else self._updated(write, before, now)
        return WriteResultMessage(update_time=now)

    def _updated(self, write: Message, before: Stored | None, now: Timestamp) -> Stored:
        document = DocumentMessage(name=write.update.name, create_time=now, update_time=now)
        if before is not None:
            document.create_time.CopyFrom(before.message.create_time)
        if write.HasField("update_mask"):
            if before is not None:
                document.MergeFrom(DocumentMessage(fields=before.message.fields))
            for path in write.update_mask.field_paths:
                document.fields.pop(path, None)
                if path in write.update.fields:
                    document.fields[path].CopyFrom(write.update.fields[path])
        else:
            document.MergeFrom(DocumentMessage(fields=write.update.fields))
        _check_size(document)
        return Stored(document, self.version + 1)


def check_name(name: str) -> None:
    """Refuse a name that is no document's."""
    segments = name.split("/")[5:]
    if not segments or len(segments) % 2:
        raise invalid(f"Document name {name!r} names a collection")
    for segment in segments:
        is_reserved = segment in {"", ".", ".."} or (len(segment) > 3 and segment[:2] == segment[-2:] == "__")
        if is_reserved or len(segment.encode()) > ID_BYTES_MAX:
            raise invalid(f"Document name {name!r} has a segment that is reserved, empty or too long")


def _check_precondition(condition: Any, name: str, before: Stored | None) -> None:
    match condition.WhichOneof("condition_type"):
        case "exists" if condition.exists and before is None:
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"No document to update: {name}")
        case "exists" if not condition.exists and before is not None:
            raise RefusalError(grpc.StatusCode.ALREADY_EXISTS, f"Document already exists: {name}")
        case "update_time" if before is None or before.message.update_time != condition.update_time:
            raise RefusalError(grpc.StatusCode.FAILED_PRECONDITION, f"{name} was written at another time")


def _check_size(document: Message) -> None:
    size = name_size(document.name) + DOCUMENT_OVERHEAD_BYTES
    for key, value in document.fields.items():
        value_size = size_of(value)
        if value_size > FIELD_BYTES_MAX:
            raise invalid(f'The value of property "{key}" is longer than {FIELD_BYTES_MAX} bytes.')
        size += len(key.encode()) + 1 + value_size
    if size > DOCUMENT_BYTES_MAX:
        raise invalid(
            f"Document {document.name!r} cannot be written because its size ({size} bytes) exceeds the maximum "
            f"allowed size of {DOCUMENT_BYTES_MAX} bytes."
        )
