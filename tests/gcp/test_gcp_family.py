"""The cloud family keeps every port's promises."""

from datetime import datetime

import pytest
from google.cloud import bigquery, firestore, tasks_v2
from google.cloud.storage import Bucket
from typing_extensions import override

from prograde.adapters.gcp.bigquery_warehouse import BigqueryWarehouse
from prograde.adapters.gcp.cloud_storage_blob_store import CloudStorageBlobStore
from prograde.adapters.gcp.cloud_tasks_task_queue import CloudTasksTaskQueue, Destinations
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from tests.contracts.batch_store import BatchStoreContract
from tests.contracts.blob_store import BlobStoreContract
from tests.contracts.reconciliation import ReconciliationContract
from tests.contracts.set_clock import SetClock
from tests.contracts.task_queue import Deliver, Delivered, TaskQueueContract
from tests.contracts.warehouse import WarehouseContract
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.gcp.real_clock import RealClock
from tests.gcp.worker import Worker

pytestmark = pytest.mark.gcp


class TestFirestoreBatchStore(BatchStoreContract):
    @pytest.fixture
    @override
    def store(self, contract_client: firestore.Client) -> FirestoreBatchStore:
        return FirestoreBatchStore(contract_client, RealClock())


class TestCloudTasksTaskQueue(TaskQueueContract):
    @pytest.fixture
    @override
    def queue(
        self, tasks_client: tasks_v2.CloudTasksClient, destinations: Destinations, clock: SetClock
    ) -> CloudTasksTaskQueue:
        return CloudTasksTaskQueue(tasks_client, destinations, clock)

    @pytest.fixture
    @override
    def deliver(self, cloud_tasks_server: CloudTasksServer, clock: SetClock, worker: Worker) -> Deliver:
        def deliver(moment: datetime) -> list[Delivered]:
            clock.moment = moment
            before = len(worker.received)
            cloud_tasks_server.deliver_due()
            return [
                Delivered(received.headers["x-cloudtasks-taskname"], received.body)
                for received in worker.received[before:]
            ]

        return deliver


class TestCloudStorageBlobStore(BlobStoreContract):
    @pytest.fixture
    @override
    def blobs(self, bucket: Bucket) -> CloudStorageBlobStore:
        return CloudStorageBlobStore(bucket, bucket.client.bucket("exports"))


class CloudWarehouse:
    @pytest.fixture
    def warehouse(self, bigquery_client: bigquery.Client, dataset: str) -> BigqueryWarehouse:
        return BigqueryWarehouse(bigquery_client, dataset, f"{dataset}_scratch")


class TestBigqueryWarehouse(CloudWarehouse, WarehouseContract): ...


class TestBigqueryReconciliation(CloudWarehouse, ReconciliationContract): ...
