"""The simulation's state in Firestore: the adapter's own transactions, over the stand-in, in virtual time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from random import Random
from typing import TypeVar

import grpc
from google.cloud import firestore
from typing_extensions import override

from prograde.adapters.documents import BATCH, COUNTER, PROFESSIONAL
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.ports import Clock, Transaction
from tests.emulators.firestore.server import FirestoreServer
from tests.emulators.grpc_service import Message
from tests.gcp.conftest import INDEXES
from tests.simulation.memory_batch_store import Audit, Written, batch_key, counter_key, professional_key
from tests.simulation.scheduler import Scheduler
from tests.simulation.virtual_time import moment_of
from tests.simulation.world import StoreKind

T = TypeVar("T")

PAUSE_SECONDS_MAX = 0.5


class AuditedFirestore(FirestoreServer):
    """A Firestore that shows each commit of ours to an auditor, as domain objects."""

    def __init__(self) -> None:
        super().__init__(INDEXES)
        self.audit: Audit = lambda _before, _after: None

    @override
    def _commit(self, request: Message) -> Message:
        names = [write.update.name for write in request.writes]
        before = self._stored(request.database, names)
        answer = super()._commit(request)
        if names:
            self.audit(before, self._stored(request.database, names))
        return answer

    def _stored(self, database: str, names: list[str]) -> Written:
        documents = self._documents(database).by_name
        found = (_read(name, documents[name].message.fields) for name in names if name in documents)
        return {key: value for entry in found if entry is not None for key, value in (entry,)}


def _read(name: str, fields: Mapping[str, Message]) -> tuple[tuple[str, object, object], object] | None:
    """Read what a document holds, beside its key in the simulation; None for what nobody audits."""
    text = fields["document"].string_value if "document" in fields else ""
    match name.split("/documents/")[1].split("/"):
        case ["batches", batch_id]:
            return batch_key(batch_id), BATCH.read(text)
        case ["batches", batch_id, "counters", _]:
            counter = COUNTER.read(text)
            return counter_key(batch_id, counter.index), counter
        case ["batches", batch_id, "professionals", _]:
            professional = PROFESSIONAL.read(text)
            return professional_key(batch_id, professional.professional_id), professional
        case _:
            return None


class _Turns(Clock):
    """Waits in turns; for how long is the run's to say, since the adapter's jitter is no seed's."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._dice = Random(0)

    @override
    def now(self) -> datetime:
        return moment_of(self._scheduler.now)

    @override
    def sleep(self, seconds: float) -> None:
        self._scheduler.pause(self._dice.uniform(0, PAUSE_SECONDS_MAX))


class SimulatedFirestoreStore(FirestoreBatchStore):
    """The adapter, whose next commit can be made to abort."""

    def __init__(self, server: AuditedFirestore, client: firestore.Client, scheduler: Scheduler) -> None:
        super().__init__(client, _Turns(scheduler))
        self._server = server

    def attempt(self, callback: Callable[[Transaction], T]) -> T | None:
        self._server.faults.fail("Commit", grpc.StatusCode.ABORTED)
        return None


@contextmanager
def firestore_kind(server: AuditedFirestore, new_client: Callable[[], firestore.Client]) -> Iterator[StoreKind]:
    """Lend a kind of store in a database of its own."""
    with closing(new_client()) as client:

        def kind(scheduler: Scheduler, audit: Audit) -> SimulatedFirestoreStore:
            server.audit = audit
            return SimulatedFirestoreStore(server, client, scheduler)

        yield kind
