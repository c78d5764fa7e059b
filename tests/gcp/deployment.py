"""A deployment on this machine: packaged functions served over HTTP, and stand-ins for everything of Google's."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import grpc
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, firestore, tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from typing_extensions import override

from infra.package import FUNCTIONS, package
from prograde.adapters.gcp.bigquery_warehouse import schema_field
from prograde.adapters.warehouse_rows import TABLES
from tests.emulators.bigquery_permissions import BigqueryPermissions
from tests.emulators.cloud_storage.blobs import Conditions
from tests.emulators.cloud_storage.server import CloudStorageServer
from tests.emulators.cloud_tasks.delivery import TokenIssuer
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.conftest import INDEXES

LOCATION = "us-central1"
TASKS_ACCOUNT = "prograde-tasks@acme.iam.gserviceaccount.com"
SCHEDULER_ACCOUNT = "prograde-scheduler@acme.iam.gserviceaccount.com"
SERVES = {"start_batch": "batches", "fetch_page": "pages", "finalize": "finalize"}
STARTED_WITHIN_SECONDS = 60.0
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function answered."""

    status: int
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


@contextmanager
def served_keys(issuer: TokenIssuer) -> Iterator[str]:
    """Serve an issuer's public keys, as Google does its own; lends their URL."""
    keys = json.dumps(dict(issuer.certs)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/certs"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Deployment:
    """The stand-ins of one deployment, and the environment of its functions."""

    def __init__(self, stack: ExitStack, bigquery_url: str, sources: Mapping[str, str], rate: float) -> None:
        self.project = f"deployed-{os.getpid()}-{next(_numbers)}"
        self.tasks = stack.enter_context(CloudTasksServer())
        self.documents = stack.enter_context(FirestoreServer(INDEXES))
        self.storage = stack.enter_context(CloudStorageServer())
        self.certs_url = stack.enter_context(served_keys(self.tasks.issuer))
        self.urls = {function: f"http://127.0.0.1:{free_port()}" for function in FUNCTIONS}
        self.warehouse = stack.enter_context(BigqueryPermissions(bigquery_url))
        self._rate = rate
        self._queues = {source: f"pages-{source.replace('_', '-')}" for source in sources}
        self.storage.blobs.create_bucket("state")
        self.storage.blobs.create_bucket("exports")
        self._make_queues(rate)
        self._make_tables()

    def env(self, function: str) -> dict[str, str]:
        """Give the environment that Terraform would set, and where the stand-ins are."""
        return {
            "PATH": os.environ["PATH"],
            "PROGRADE_FAMILY": "gcp",
            "PROGRADE_PROJECT": self.project,
            "PROGRADE_LOCATION": LOCATION,
            "PROGRADE_FIRESTORE_DATABASE": "prograde",
            "PROGRADE_DATASET": "prograde",
            "PROGRADE_BUCKET_STATE": "state",
            "PROGRADE_BUCKET_EXPORTS": "exports",
            "PROGRADE_QUEUE_CONTROL": "control",
            "PROGRADE_QUEUES": json.dumps(
                {source: {"name": name, "tasks_per_second": self._rate} for source, name in self._queues.items()}
            ),
            "PROGRADE_START_BATCH_URL": self.urls["start_batch"],
            "PROGRADE_FETCH_PAGE_URL": self.urls["fetch_page"],
            "PROGRADE_FINALIZE_URL": self.urls["finalize"],
            "PROGRADE_TASKS_ACCOUNT": TASKS_ACCOUNT,
            "PROGRADE_SCHEDULER_ACCOUNT": SCHEDULER_ACCOUNT,
            "PROGRADE_SERVES": SERVES[function],
            "PROGRADE_CERTS_URL": self.certs_url,
            "CLOUD_TASKS_EMULATOR_HOST": self.tasks.target,
            "FIRESTORE_EMULATOR_HOST": self.documents.target,
            "STORAGE_EMULATOR_HOST": self.storage.url,
            "BIGQUERY_EMULATOR_HOST": self.warehouse.url,
            "THREADS": "20",
        }

    def token(self, account: str, function: str) -> str:
        """Issue an account's identity token for a function."""
        return self.tasks.issuer.token(account, self.urls[function], datetime.now(UTC))

    @property
    def queues(self) -> Sequence[str]:
        """The full names of all queues."""
        return [self._queue(name) for name in ("control", *self._queues.values())]

    def firestore_client(self) -> firestore.Client:
        """Connect to the deployment's database; FIRESTORE_EMULATOR_HOST must be set meanwhile."""
        return firestore.Client(self.project, AnonymousCredentials(), "prograde")

    def _queue(self, name: str) -> str:
        return f"projects/{self.project}/locations/{LOCATION}/queues/{name}"

    def _make_queues(self, rate: float) -> None:
        channel = grpc.insecure_channel(self.tasks.target)
        with tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)) as client:
            for name in self.queues:
                limits = tasks_v2.RateLimits(max_dispatches_per_second=rate, max_concurrent_dispatches=40)
                queue = tasks_v2.Queue(name=name, rate_limits=limits)
                client.create_queue(parent=name.partition("/queues/")[0], queue=queue)

    def _make_tables(self) -> None:
        options = ClientOptions(api_endpoint=self.warehouse.url)
        client = bigquery.Client(self.project, AnonymousCredentials(), client_options=options)
        for dataset in ("prograde", "prograde_scratch"):
            client.create_dataset(f"{self.project}.{dataset}")
        for table, columns in TABLES.items():
            schema = [schema_field(column) for column in columns]
            client.create_table(bigquery.Table(f"{self.project}.prograde.{table}", schema=schema))
        client.close()


@contextmanager
def deployment(bigquery_url: str, sources: Mapping[str, str], rate: float = 100.0) -> Iterator[Deployment]:
    """Lend a deployment whose state bucket holds the texts of these source files, by their names."""
    with ExitStack() as stack:
        deployed = Deployment(stack, bigquery_url, sources, rate)
        for name, text in sources.items():
            deployed.storage.blobs.put("state", f"sources/{name}.yaml", text.encode(), "application/yaml", Conditions())
        yield deployed


@contextmanager
def served(function: str, python: Path, folder: Path, env: Mapping[str, str], port: int) -> Iterator[str]:
    """Serve an unpacked package with functions-framework, as the platform does; lends its URL."""
    source = folder / function
    if not source.exists():
        with zipfile.ZipFile(package(function, folder)) as archive:
            archive.extractall(source)
    command = [str(python), "-m", "functions_framework", "--target", function, "--source", str(source / "main.py")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {**env, "PYTHONPATH": str(source), "PYTHONWARNINGS": "ignore"}
    log = folder / f"{function}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=source, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_it_listens(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def post(url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Post to a function."""
    request = urllib.request.Request(url, body, dict(headers or {}), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


def free_port() -> int:
    """Find a port that nobody listens to."""
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        return int(unbound.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the function did not start: {log.read_text(errors='replace')[-3_000:]}")
