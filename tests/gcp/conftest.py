"""The cloud family's services: strict stand-ins, each test with a project of its own."""

import os
from collections.abc import Callable, Iterator
from itertools import count

import grpc
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, firestore, tasks_v2
from google.cloud.storage import Bucket
from google.cloud.storage import Client as StorageClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from prograde.adapters.gcp.bigquery_warehouse import schema_field
from prograde.adapters.gcp.cloud_tasks_task_queue import Destinations, PageQueue
from prograde.adapters.warehouse_rows import TABLES
from tests.contracts.set_clock import SetClock
from tests.emulators.bigquery import BigqueryServer
from tests.emulators.cloud_storage.server import CloudStorageServer
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.emulators.firestore.indexes import Indexes
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.worker import Worker
from tests.house.checkout import ROOT

INDEXES = Indexes.from_file(ROOT / "infra" / "terraform" / "schemas" / "firestore.indexes.json")
GOOGLES_FIRESTORE = os.environ.get("FIRESTORE_EMULATOR_HOST")
LOCATION = "projects/p/locations/l"
CONTROL = f"{LOCATION}/queues/control"
PAGES = f"{LOCATION}/queues/pages-north-1"
_numbers = count(1)


@pytest.fixture
def project() -> str:
    """Name a project that no other test has: what one leaves behind, another does not find."""
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def firestore_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreServer]:
    """Serve a strict Firestore that fails on demand."""
    with FirestoreServer(INDEXES) as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.target)
        yield server


@pytest.fixture
def new_client(firestore_server: FirestoreServer, project: str) -> Callable[[], firestore.Client]:
    """Give a way to make clients of the test's own Firestore, each with its own channel."""
    return lambda: firestore.Client(project=project, credentials=AnonymousCredentials())


@pytest.fixture
def contract_client(project: str, request: pytest.FixtureRequest) -> Iterator[firestore.Client]:
    """Connect to Google's own emulator where FIRESTORE_EMULATOR_HOST points to it, else to the stand-in."""
    if GOOGLES_FIRESTORE is None:
        yield request.getfixturevalue("client")
    else:
        client = firestore.Client(project=project, credentials=AnonymousCredentials())
        yield client
        client.close()


@pytest.fixture
def client(new_client: Callable[[], firestore.Client]) -> Iterator[firestore.Client]:
    """Connect to the test's own Firestore."""
    client = new_client()
    yield client
    client.close()


@pytest.fixture
def clock() -> SetClock:
    """Give a clock that stands until it is set, for Cloud Tasks and its adapter alike."""
    return SetClock()


@pytest.fixture
def cloud_tasks_server(clock: SetClock) -> Iterator[CloudTasksServer]:
    """Serve a strict Cloud Tasks with the queues of a deployment; tasks go out when it is told."""
    with CloudTasksServer(clock.now) as server:
        yield server


@pytest.fixture
def tasks_client(cloud_tasks_server: CloudTasksServer) -> Iterator[tasks_v2.CloudTasksClient]:
    """Connect to the test's own Cloud Tasks, with the queues of a deployment in it."""
    channel = grpc.insecure_channel(cloud_tasks_server.target)
    with tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)) as client:
        for queue in (CONTROL, PAGES):
            client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=queue))
        yield client


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Serve as all three functions."""
    with Worker() as worker:
        yield worker


@pytest.fixture
def destinations(worker: Worker) -> Destinations:
    """Send every task to the worker, each function at a path of its own."""
    urls = {name: f"{worker.url}/{name}" for name in ("start_batch", "fetch_page", "finalize")}
    pages = PageQueue(PAGES, tasks_per_second=18.0)
    return Destinations(CONTROL, {"north": pages}, lambda _: "north", urls, "caller@project.iam.gserviceaccount.com")


@pytest.fixture
def cloud_storage_server() -> Iterator[CloudStorageServer]:
    """Serve a strict Cloud Storage with two empty buckets."""
    with CloudStorageServer() as server:
        server.blobs.create_bucket("blobs")
        server.blobs.create_bucket("exports")
        yield server


@pytest.fixture
def bucket(cloud_storage_server: CloudStorageServer) -> Iterator[Bucket]:
    """Connect to the test's own bucket."""
    client = StorageClient(
        project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": cloud_storage_server.url}
    )
    yield client.bucket("blobs")
    client.close()


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigqueryServer]:
    """Serve BigQuery for all tests; it takes seconds to start."""
    with BigqueryServer(tmp_path_factory.mktemp("bigquery") / "log") as server:
        yield server


@pytest.fixture
def bigquery_client(bigquery_server: BigqueryServer) -> Iterator[bigquery.Client]:
    """Connect to BigQuery."""
    options = ClientOptions(api_endpoint=bigquery_server.url)
    client = bigquery.Client(project="p", credentials=AnonymousCredentials(), client_options=options)
    yield client
    client.close()


@pytest.fixture
def dataset(bigquery_client: bigquery.Client) -> str:
    """Make a dataset with the deployment's tables, and one for what is loaded."""
    name = f"p.test_{next(_numbers)}"
    for made in (name, f"{name}_scratch"):
        bigquery_client.create_dataset(made)
    for table in TABLES:
        schema = [schema_field(column) for column in TABLES[table]]
        bigquery_client.create_table(bigquery.Table(f"{name}.{table}", schema=schema))
    return name
