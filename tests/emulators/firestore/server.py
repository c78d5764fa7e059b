"""
A strict stand-in for Firestore (native mode, Standard edition) on the client library's own messages.

Transactions are serialisable, by optimistic concurrency: a read or a commit of a transaction whose earlier reads are
out of date is ABORTED. Limits and indexes hold as in the cloud; what is not stood in for is refused.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import grpc
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    BeginTransactionRequest,
    BeginTransactionResponse,
    CommitRequest,
    CommitResponse,
    RollbackRequest,
    RunQueryRequest,
    RunQueryResponse,
)
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from tests.emulators.firestore.documents import DocumentMessage, Documents, check_name
from tests.emulators.firestore.indexes import Indexes
from tests.emulators.firestore.queries import Query
from tests.emulators.grpc_service import GrpcService, Message, Method, RefusalError, invalid, raw

WRITES_MAX = 500
REQUEST_BYTES_MAX = 10 * 1_048_576
IDLE_MAX = timedelta(seconds=60)
TRANSACTION_MAX = timedelta(seconds=270)

_Found = raw(BatchGetDocumentsResponse)
_Began = raw(BeginTransactionResponse)
_Committed = raw(CommitResponse)
_Queried = raw(RunQueryResponse)


@dataclass(slots=True)
class _Transaction:
    """What a transaction has seen: versions of documents, and the answers of queries."""

    database: str
    is_read_only: bool
    began_at: datetime
    used_at: datetime
    versions: dict[str, int] = field(default_factory=dict)
    answers: list[tuple[Query, list[tuple[str, int]]]] = field(default_factory=list)


class FirestoreServer:
    """Databases in memory, served as long as the context lasts; `moment` moves the clock forward."""

    def __init__(self, indexes: Indexes | None = None) -> None:
        self._guard = threading.Lock()
        self._indexes = indexes or Indexes()
        self._databases: dict[str, Documents] = {}
        self._transactions: dict[bytes, _Transaction] = {}
        self._aborted: set[bytes] = set()
        self._issued = 0
        self._last_time = datetime.fromtimestamp(0, UTC)
        self.clock_offset = timedelta()
        methods = {
            "BatchGetDocuments": Method(BatchGetDocumentsRequest, BatchGetDocumentsResponse, self._get, is_stream=True),
            "BeginTransaction": Method(BeginTransactionRequest, BeginTransactionResponse, self._begin),
            "Commit": Method(CommitRequest, CommitResponse, self._commit),
            "Rollback": Method(RollbackRequest, Empty, self._rollback),
            "RunQuery": Method(RunQueryRequest, RunQueryResponse, self._query, is_stream=True),
        }
        self._service = GrpcService({"google.firestore.v1.Firestore": methods})
        self.faults = self._service.faults
        self.target = self._service.target

    def __enter__(self) -> Self:
        self._service.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.stop()

    # --- rpcs

    def _begin(self, request: Message) -> Message:
        with self._guard:
            options = request.options
            earlier = options.read_write.retry_transaction
            if earlier and earlier not in self._transactions and earlier not in self._aborted:
                raise invalid("retry_transaction names no transaction of this database")
            return _Began(transaction=self._new_transaction(request.database, options))

    def _get(self, request: Message) -> Iterator[Message]:
        with self._guard:
            selector = request.WhichOneof("consistency_selector")
            if selector not in {None, "transaction"}:
                raise invalid(f"{selector} is not stood in for")
            transaction = self._seen(request.transaction) if selector else None
            documents = self._documents(request.database)
            now = self._now()
            answers = []
            for name in dict.fromkeys(request.documents):
                if not name.startswith(f"{request.database}/documents/"):
                    raise invalid(f"{name} belongs to another database")
                check_name(name)
                if transaction is not None:
                    transaction.versions[name] = documents.version_of(name)
                stored = documents.by_name.get(name)
                if stored is None:
                    answers.append(_Found(missing=name, read_time=now))
                else:
                    mask = list(request.mask.field_paths) if request.HasField("mask") else None
                    answers.append(_Found(found=_masked(stored.message, mask), read_time=now))
            return iter(answers)

    def _query(self, request: Message) -> Iterator[Message]:
        with self._guard:
            selector = request.WhichOneof("consistency_selector")
            if selector not in {None, "transaction"}:
                raise invalid(f"{selector} is not stood in for")
            transaction = self._seen(request.transaction) if selector else None
            documents = self._documents(request.parent.split("/documents")[0])
            query = Query(request.parent, request.structured_query, self._indexes)
            found = query.run(stored.message for stored in documents.by_name.values())
            if transaction is not None:
                transaction.answers.append((query, _fingerprint(documents, found)))
            now = self._now()
            answers = [_Queried(document=_masked(document, query.mask), read_time=now) for document in found]
            return iter(answers or [_Queried(read_time=now)])

    def _commit(self, request: Message) -> Message:
        if len(request.writes) > WRITES_MAX:
            raise invalid(f"maximum {WRITES_MAX} writes allowed per request")
        if request.ByteSize() > REQUEST_BYTES_MAX:
            raise invalid(f"Request payload size exceeds the limit: {REQUEST_BYTES_MAX} bytes.")
        with self._guard:
            if request.transaction:
                transaction = self._seen(request.transaction)
                if transaction.is_read_only and request.writes:
                    raise invalid("a read-only transaction writes nothing")
                del self._transactions[request.transaction]
            now = self._now()
            results = self._documents(request.database).commit(list(request.writes), now)
            return _Committed(write_results=results, commit_time=now)

    def _rollback(self, request: Message) -> Message:
        with self._guard:
            if request.transaction not in self._aborted:
                self._known(request.transaction)
            self._transactions.pop(request.transaction, None)
            return Empty()

    # --- transactions

    def _new_transaction(self, database: str, options: Message) -> bytes:
        self._issued += 1
        issued = f"transaction-{self._issued}".encode()
        mode = options.WhichOneof("mode")
        now = self._utc_now()
        self._transactions[issued] = _Transaction(database, mode == "read_only", now, now)
        return issued

    def _known(self, issued: bytes) -> _Transaction:
        """Find a transaction that is still open."""
        transaction = self._transactions.get(issued)
        now = self._utc_now()
        is_expired = transaction is not None and (
            now - transaction.used_at > IDLE_MAX or now - transaction.began_at > TRANSACTION_MAX
        )
        if transaction is None or is_expired:
            self._transactions.pop(issued, None)
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used_at = now
        return transaction

    def _seen(self, issued: bytes) -> _Transaction:
        """Find a transaction all of whose reads still hold; one that has been overtaken is aborted."""
        if issued in self._aborted:
            raise _contention()
        transaction = self._known(issued)
        documents = self._documents(transaction.database)
        holds = all(documents.version_of(name) == version for name, version in transaction.versions.items()) and all(
            _fingerprint(documents, query.run(stored.message for stored in documents.by_name.values())) == answer
            for query, answer in transaction.answers
        )
        if not holds:
            del self._transactions[issued]
            self._aborted.add(issued)
            raise _contention()
        return transaction

    # --- state

    def _documents(self, database: str) -> Documents:
        return self._databases.setdefault(database, Documents())

    def _utc_now(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset

    def _now(self) -> Timestamp:
        """Tell a time that no earlier commit had."""
        self._last_time = max(self._last_time + timedelta(microseconds=1), self._utc_now())
        now = Timestamp()
        now.FromDatetime(self._last_time)
        return now


def _contention() -> RefusalError:
    return RefusalError(grpc.StatusCode.ABORTED, "Too much contention on these documents. Please try again.")


def _fingerprint(documents: Documents, found: list[Message]) -> list[tuple[str, int]]:
    return [(document.name, documents.version_of(document.name)) for document in found]


def _masked(document: Message, mask: list[str] | None) -> Message:
    if mask is None:
        return document
    fields = {path: document.fields[path] for path in mask if path in document.fields}
    return DocumentMessage(
        name=document.name, create_time=document.create_time, update_time=document.update_time, fields=fields
    )
