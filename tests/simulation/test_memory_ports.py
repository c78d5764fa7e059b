"""The ports in memory keep every promise that the adapters keep."""

from datetime import datetime

import pytest
from typing_extensions import override

from prograde.domain.effects import Queue
from tests.contracts.batch_store import BatchStoreContract
from tests.contracts.blob_store import BlobStoreContract
from tests.contracts.reconciliation import ReconciliationContract
from tests.contracts.task_queue import Deliver, Delivered, TaskQueueContract
from tests.contracts.warehouse import WarehouseContract
from tests.simulation.memory_batch_store import MemoryBatchStore
from tests.simulation.memory_blob_store import MemoryBlobStore
from tests.simulation.memory_task_queue import MemoryTaskQueue
from tests.simulation.memory_warehouse import MemoryWarehouse
from tests.simulation.virtual_time import seconds_of


class TestMemoryBatchStore(BatchStoreContract):
    @pytest.fixture
    @override
    def store(self) -> MemoryBatchStore:
        return MemoryBatchStore()


class TestMemoryTaskQueue(TaskQueueContract):
    @pytest.fixture
    def moments(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    @override
    def queue(self, moments: list[float]) -> MemoryTaskQueue:
        return MemoryTaskQueue(lambda: moments[0])

    @pytest.fixture
    @override
    def deliver(self, queue: MemoryTaskQueue, moments: list[float]) -> Deliver:
        def deliver(moment: datetime) -> list[Delivered]:
            moments[0] = seconds_of(moment)
            due = [entry for kind in Queue for entry in queue.due(kind)]
            for entry in due:
                queue.finish(entry)
            return [Delivered(entry.name, entry.body) for entry in due]

        return deliver


class MemoryWarehouses:
    @pytest.fixture
    def warehouse(self) -> MemoryWarehouse:
        return MemoryWarehouse()


class TestMemoryWarehouse(MemoryWarehouses, WarehouseContract): ...


class TestMemoryReconciliation(MemoryWarehouses, ReconciliationContract): ...


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    @override
    def blobs(self) -> MemoryBlobStore:
        return MemoryBlobStore()
