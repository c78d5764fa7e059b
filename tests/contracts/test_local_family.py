"""The local family keeps every port's promises."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from typing_extensions import override

from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.adapters.local.file_blob_store import FileBlobStore
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import Queue
from tests.contracts.batch_store import BatchStoreContract
from tests.contracts.blob_store import BlobStoreContract
from tests.contracts.reconciliation import ReconciliationContract
from tests.contracts.set_clock import SetClock
from tests.contracts.task_queue import Deliver, Delivered, TaskQueueContract
from tests.contracts.warehouse import WarehouseContract


class TestSqliteBatchStore(BatchStoreContract):
    @pytest.fixture
    @override
    def store(self, tmp_path: Path) -> Iterator[SqliteBatchStore]:
        with closing(SqliteBatchStore(tmp_path / "state.sqlite")) as store:
            yield store


class TestSqliteTaskQueue(TaskQueueContract):
    @pytest.fixture
    def clock(self) -> SetClock:
        return SetClock()

    @pytest.fixture
    @override
    def queue(self, tmp_path: Path, clock: SetClock) -> Iterator[SqliteTaskQueue]:
        with closing(SqliteTaskQueue(tmp_path / "queue.sqlite", clock)) as queue:
            yield queue

    @pytest.fixture
    @override
    def deliver(self, queue: SqliteTaskQueue, clock: SetClock) -> Deliver:
        def deliver(moment: datetime) -> list[Delivered]:
            clock.moment = moment
            deliveries = queue.exchange((), dict.fromkeys(Queue, 10_000))
            queue.exchange([delivery.name for delivery in deliveries], {})
            return [Delivered(delivery.name, delivery.body.encode()) for delivery in deliveries]

        return deliver


class LocalWarehouse:
    @pytest.fixture
    def warehouse(self, tmp_path: Path) -> Iterator[DuckdbWarehouse]:
        # A folder's name is no pattern and no SQL.
        with closing(DuckdbWarehouse(tmp_path / "it's a [1]* 🏡?")) as warehouse:
            yield warehouse


class TestDuckdbWarehouse(LocalWarehouse, WarehouseContract): ...


class TestDuckdbReconciliation(LocalWarehouse, ReconciliationContract): ...


class TestFileBlobStore(BlobStoreContract):
    @pytest.fixture
    @override
    def blobs(self, tmp_path: Path) -> FileBlobStore:
        return FileBlobStore(tmp_path / "blobs")
