"""What an operator sees of a deployment in which something is missing: one message, before a batch is kept."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import Thread

import grpc
import pytest
from flask.testing import FlaskClient
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from werkzeug.serving import make_server

from prograde.bootstrap.google_cloud import GoogleCloud
from prograde.bootstrap.hosted import EXTENSION
from prograde.bootstrap.hosting import function_app
from prograde.settings import GoogleCloudSettings, read_settings
from tests.emulators.bigquery import BigqueryServer
from tests.gcp.deployment import Deployment, deployment, post
from tests.gcp.test_parity import form
from tests.house.checkout import ROOT

pytestmark = pytest.mark.gcp

SOURCE = (ROOT / "shared" / "prograde" / "templates" / "sandbox_reso.yaml").read_text(encoding="utf-8")


@pytest.fixture
def deployed(bigquery_server: BigqueryServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    with ExitStack() as stack:
        deployed = stack.enter_context(deployment(bigquery_server.url, {"sandbox_reso": SOURCE}))
        for name, value in {**deployed.env("start_batch"), "SANDBOX_TOKEN": "sandbox"}.items():
            monkeypatch.setenv(name, value)
        for function in ("fetch_page", "finalize"):
            stack.enter_context(served_here(function, deployed))
        stack.enter_context(deployed.tasks.dispatching())
        yield deployed
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


@contextmanager
def served_here(function: str, deployed: Deployment) -> Iterator[None]:
    """Serve a function of the deployment in this process."""
    env = deployed.env(function)
    settings = read_settings(env)
    assert isinstance(settings, GoogleCloudSettings)
    app = function_app(function)
    app.extensions[EXTENSION] = GoogleCloud(settings, env).hosted
    server = make_server("127.0.0.1", int(deployed.urls[function].rpartition(":")[2]), app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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


@pytest.mark.parametrize(
    ("permission", "thing", "who", "resource"),
    [
        ("storage.objects.create", "state", "start_batch", "google_storage_bucket_iam_member.state"),
        ("cloudtasks.queues.update", "sandbox-reso", "start_batch", "google_cloud_tasks_queue_iam_member.pages_pacer"),
        ("bigquery.tables.update", "raw_page_log", "fetch_page", "google_bigquery_table_iam_member.loader"),
        ("storage.objects.create", "exports", "finalize", "google_storage_bucket_iam_member.exports_publisher"),
        ("bigquery.tables.updateData", "results", "finalize", "google_bigquery_table_iam_member.rewriter"),
    ],
)  # fmt: skip
def test_a_permission_that_a_function_lacks_is_told_before_a_batch_is_kept(
    deployed: Deployment, permission: str, thing: str, who: str, resource: str
) -> None:
    for stand_in in (deployed.tasks, deployed.storage, deployed.warehouse):
        stand_in.denied.add((permission, thing))

    status, detail = order(function_app("start_batch").test_client())

    assert 503 == status, detail
    told = [problem for problem in problems(detail) if problem.startswith(f"{who}: ") == (who != "start_batch")]
    assert any(permission in problem and thing in problem and resource in problem for problem in told), detail
    assert [] == deployed.storage.blobs.names("state", "batches/")


def test_all_that_all_functions_lack_is_told_at_once(deployed: Deployment) -> None:
    deployed.storage.denied.add(("storage.objects.create", "exports"))
    deployed.warehouse.denied |= {("bigquery.jobs.create", "project"), ("bigquery.tables.updateData", "raw_page_log")}
    deployed.tasks.denied.add(("cloudtasks.tasks.create", "control"))

    status, detail = order(function_app("start_batch").test_client())

    assert 503 == status
    assert {
        ("", "cloudtasks.tasks.create"),
        ("", "bigquery.jobs.create"),
        ("fetch_page: ", "cloudtasks.tasks.create"),
        ("fetch_page: ", "bigquery.tables.updateData"),
        ("fetch_page: ", "bigquery.jobs.create"),
        ("finalize: ", "storage.objects.create"),
        ("finalize: ", "cloudtasks.tasks.create"),
        ("finalize: ", "bigquery.jobs.create"),
    } == {(who(problem), permission(problem)) for problem in problems(detail)}


def problems(detail: str) -> list[str]:
    """Take a message apart."""
    return detail.replace("; infra/terraform", " infra/terraform").split("; ")


def who(problem: str) -> str:
    """Tell which other function a problem is of, "" for the one that was asked."""
    found = re.match(r"(?:fetch_page|finalize): ", problem)
    return found[0] if found else ""


def permission(problem: str) -> str:
    """Tell which permission a problem is about."""
    found = re.search(r"\b[a-z]+\.[a-z]+\.(?:create|updateData)\b", problem)
    assert found, problem
    return found[0]


@pytest.mark.parametrize("function", ["fetch_page", "finalize"])
def test_only_tasks_may_ask(deployed: Deployment, function: str) -> None:
    assert 401 == post(f"{deployed.urls[function]}/readiness", b"{}").status
