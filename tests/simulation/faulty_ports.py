"""
Ports that fail: before anything was done, after everything was, in between.

Each call is a turn of the scheduler's, so deliveries interleave here and nowhere else, and here processes die.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.effects import Task
from prograde.domain.professional import Professional
from prograde.errors import UnavailableError
from prograde.ports import BatchStore, BlobStore, TaskQueue, Transaction, Warehouse
from tests.simulation.chance import Chance, Fault
from tests.simulation.memory_batch_store import Conflict, SimulatedStore
from tests.simulation.memory_task_queue import MemoryTaskQueue

T = TypeVar("T")

WRITES = frozenset(
    {"append_batch", "append_run", "create_batch", "create_professionals", "insert_raw_page", "load_grades"}
    | {"load_results", "publish", "put", "raise_watermark"}
)


class Scene(Protocol):
    """Where the ports play: who asks, and what may happen to whom."""

    chance: Chance

    def step(self, verb: str) -> None:
        """Take a turn before a call to a port; may end the process."""
        ...

    def is_away(self, port: str) -> bool:
        """Whether a port is away for a while."""
        ...


@dataclass(frozen=True, slots=True)
class Troubles:
    """How a port fails."""

    name: str
    fails: Fault
    ambiguous: Fault


STORE = Troubles("store", Fault.STORE_FAILS, Fault.STORE_AMBIGUOUS)
WAREHOUSE = Troubles("warehouse", Fault.WAREHOUSE_FAILS, Fault.WAREHOUSE_AMBIGUOUS)
BLOBS = Troubles("blobs", Fault.BLOB_FAILS, Fault.BLOB_AMBIGUOUS)
QUEUE = Troubles("queue", Fault.QUEUE_FAILS, Fault.QUEUE_AMBIGUOUS)


class _FaultyPort:
    def __init__(self, scene: Scene, port: object, troubles: Troubles) -> None:
        self._scene = scene
        self._port = port
        self._troubles = troubles

    def __getattr__(self, verb: str) -> Any:  # noqa: ANN401  # whatever the port has
        method = getattr(self._port, verb)

        def call(*values: Any) -> Any:  # noqa: ANN401  # as above
            self._before(verb)
            result = method(*values)
            if verb in WRITES:
                self._after(verb)
            return result

        return call

    def _before(self, verb: str) -> None:
        name = self._troubles.name
        self._scene.step(f"{name}.{verb}")
        if self._scene.is_away(name) or self._scene.chance.strikes(self._troubles.fails):
            raise UnavailableError(f"{name} fails")

    def _after(self, verb: str) -> None:
        if self._scene.chance.strikes(self._troubles.ambiguous):
            raise UnavailableError(f"{self._troubles.name} may have done it, or not: {verb}")


class _FaultyStore(_FaultyPort):
    def __init__(self, scene: Scene, port: SimulatedStore) -> None:
        super().__init__(scene, port, STORE)
        self._store = port

    def transact(self, callback: Callable[[Transaction], T]) -> T:
        self._before("transact")
        while self._scene.chance.strikes(Fault.STORE_ABORTS):
            # What the aborted try read may be stale by the next one; what it wrote is gone.
            with suppress(Conflict):
                self._store.attempt(lambda transaction: callback(_ReadOnly(self._scene, transaction)))
        tries = 0

        def turn(transaction: Transaction) -> T:
            nonlocal tries
            tries += 1
            if tries > 1:
                self._scene.chance.saw("transaction met another one and ran again")
            result = callback(_InTurns(self._scene, transaction))
            self._scene.step("store.commit")
            return result

        result = self._store.transact(turn)
        self._after("transact")
        return result

    def professionals(self, batch_id: str) -> Iterator[Professional]:
        self._before("professionals")
        for professional in self._store.professionals(batch_id):
            if self._scene.chance.strikes(Fault.STREAM_BREAKS):
                raise UnavailableError("the stream broke off")
            yield professional


class _InTurns(Transaction):
    """A transaction whose reads are turns, so that others may write in between."""

    def __init__(self, scene: Scene, transaction: Transaction) -> None:
        self._scene = scene
        self._transaction = transaction

    def batch(self, batch_id: str) -> Batch | None:
        self._scene.step("store.read")
        return self._transaction.batch(batch_id)

    def counter(self, batch_id: str, index: int) -> Counter:
        self._scene.step("store.read")
        return self._transaction.counter(batch_id, index)

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        self._scene.step("store.read")
        return self._transaction.professional(batch_id, professional_id)

    def put_batch(self, batch: Batch) -> None:
        self._transaction.put_batch(batch)

    def put_counter(self, batch_id: str, counter: Counter) -> None:
        self._transaction.put_counter(batch_id, counter)

    def put_professional(self, professional: Professional) -> None:
        self._transaction.put_professional(professional)


class _ReadOnly(_InTurns):
    """A transaction that will be aborted."""

    def put_batch(self, batch: Batch) -> None:
        """Forget it."""

    def put_counter(self, batch_id: str, counter: Counter) -> None:
        """Forget it."""

    def put_professional(self, professional: Professional) -> None:
        """Forget it."""


class _FaultyQueue(_FaultyPort):
    def __init__(self, scene: Scene, port: MemoryTaskQueue) -> None:
        super().__init__(scene, port, QUEUE)
        self._queue = port

    def enqueue(self, tasks: Sequence[Task]) -> None:
        self._before("enqueue")
        chance = self._scene.chance
        for task in tasks:
            if chance.strikes(Fault.QUEUE_PART):
                raise UnavailableError("a part of the tasks was added")
            is_lost = chance.strikes(Fault.TASK_LOST)
            if not self._queue.add(task, is_lost=is_lost):
                chance.saw("task whose name was taken")
        self._after("enqueue")


def faulty_store(scene: Scene, store: SimulatedStore) -> BatchStore:
    """Give a store that fails as the scene has it."""
    return cast("BatchStore", _FaultyStore(scene, store))


def faulty_queue(scene: Scene, queue: MemoryTaskQueue) -> TaskQueue:
    """Give a queue that fails as the scene has it."""
    return cast("TaskQueue", _FaultyQueue(scene, queue))


def faulty_warehouse(scene: Scene, warehouse: Warehouse) -> Warehouse:
    """Give a warehouse that fails as the scene has it."""
    return cast("Warehouse", _FaultyPort(scene, warehouse, WAREHOUSE))


def faulty_blobs(scene: Scene, blobs: BlobStore) -> BlobStore:
    """Give a blob store that fails as the scene has it."""
    return cast("BlobStore", _FaultyPort(scene, blobs, BLOBS))
