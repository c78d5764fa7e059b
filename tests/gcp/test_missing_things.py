"""What an operator sees of a deployment in which something is missing: one message, before a batch is kept."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing

import grpc
import pytest
from flask.testing import FlaskClient
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from prograde.bootstrap.local_machine import function_app
from tests.emulators.bigquery import BigqueryServer
from tests.gcp.deployment import Deployment, deployment
from tests.gcp.test_parity import form
from tests.house.checkout import ROOT

pytestmark = pytest.mark.gcp

SOURCE = (ROOT / "shared" / "prograde" / "templates" / "sandbox_reso.yaml").read_text(encoding="utf-8")


@pytest.fixture
def deployed(bigquery_server: BigqueryServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    with deployment(bigquery_server.url, {"sandbox_reso": SOURCE}) as deployed:
        for name, value in {**deployed.env("start_batch"), "SANDBOX_TOKEN": "sandbox"}.items():
            monkeypatch.setenv(name, value)
        yield deployed
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


def order(client: FlaskClient) -> tuple[int, str]:
    """Start a batch, and tell the status and what was said."""
    body, headers = form(source=b"sandbox_reso", roster=b"professional_id\nA1\n")
    response = client.post("/v1/batches", data=body, headers=headers)
    return response.status_code, str(response.get_json().get("detail"))


def without_queue(name: str) -> Callable[[Deployment], None]:
    def remove(deployed: Deployment) -> None:
        channel = grpc.insecure_channel(deployed.tasks.target)
        with tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)) as client:
            client.delete_queue(name=next(queue for queue in deployed.queues if queue.endswith(name)))

    return remove


def without_table(name: str) -> Callable[[Deployment], None]:
    def remove(deployed: Deployment) -> None:
        options = ClientOptions(api_endpoint=deployed.env("start_batch")["BIGQUERY_EMULATOR_HOST"])
        with closing(bigquery.Client(deployed.project, AnonymousCredentials(), client_options=options)) as client:
            client.delete_table(f"{deployed.project}.prograde.{name}")

    return remove


def without_bucket(name: str) -> Callable[[Deployment], None]:
    return lambda deployed: deployed.storage.blobs.delete_bucket(name)


@pytest.mark.parametrize(
    ("remove", "named", "resource"),
    [
        (without_queue("control"), "queues/control", "google_cloud_tasks_queue.control"),
        (without_queue("pages-sandbox-reso"), "queues/pages-sandbox-reso", "google_cloud_tasks_queue.pages"),
        (without_table("raw_page_log"), "raw_page_log", "google_bigquery_table.main"),
        (without_table("grades"), "grades", "google_bigquery_table.main"),
        (without_bucket("exports"), "/b/exports/", "google_storage_bucket.exports"),
    ],
    ids=["control queue", "page queue", "raw rows", "grades", "exports"],
)
def test_what_is_missing_is_told_at_the_first_request_and_nothing_is_kept(
    deployed: Deployment, remove: Callable[[Deployment], None], named: str, resource: str
) -> None:
    remove(deployed)

    status, detail = order(function_app("start_batch").test_client())

    assert 503 == status, detail
    assert named in detail
    assert resource in detail
    assert "; " not in detail.replace("; infra/terraform", ""), "one message"
    assert [] == deployed.storage.blobs.names("state", "batches/")


def test_a_secret_that_the_source_names_is_told_with_its_variable(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANDBOX_TOKEN")
    body, headers = form(source=b"sandbox_reso", roster=b"professional_id\nA1\n")

    response = function_app("start_batch").test_client().post("/v1/batches", data=body, headers=headers)

    assert 400 == response.status_code
    (problem,) = response.get_json()["problems"]
    assert "SANDBOX_TOKEN is not set" in problem["remedy"]
    assert "variable secrets of infra/terraform" in problem["remedy"]


def test_a_deployment_that_lacks_nothing_starts_a_batch(deployed: Deployment) -> None:
    status, detail = order(function_app("start_batch").test_client())

    assert 202 == status, detail
