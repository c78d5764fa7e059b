"""One batch, through three deployed functions over HTTP and on one machine: the same export to the byte."""

import csv
import hashlib
import io
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
import requests

from infra.package import FUNCTIONS
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.domain.batch import Batch
from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import TOKEN, Workplace
from tests.emulators.bigquery import BigqueryServer
from tests.gcp.deployment import SCHEDULER_ACCOUNT, Deployment, deployment, post, served
from tests.gcp.real_clock import RealClock

pytestmark = pytest.mark.gcp

AS_OF = date(2026, 6, 30)
SOURCE = "sandbox_reso"
ENDS_WITHIN_SECONDS = 240.0


@pytest.fixture
def practice_api() -> Iterator[SandboxServer]:
    with SandboxServer(seeded_market(60, 7, AS_OF)) as server:
        yield server


def form(**fields: bytes) -> tuple[bytes, dict[str, str]]:
    """Write a form as a browser does."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{"; filename=r.csv" * (name == "roster")}'
        "\r\n\r\n".encode()
        + value
        + b"\r\n"
        for name, value in fields.items()
    ]
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": "2026-Q2"}
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), headers


def ended(store: FirestoreBatchStore, batch_id: str, deployed: Deployment) -> Batch:
    """Wait until a batch is over, and supervise it once a second meanwhile, which must do no harm."""
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    token = deployed.token(SCHEDULER_ACCOUNT, "start_batch")
    while time.monotonic() < deadline:
        batch = store.batch(batch_id)
        assert batch is not None
        if batch.status.is_over:
            return batch
        url = f"{deployed.urls['start_batch']}/tasks/supervise"
        assert 200 == post(url, headers={"Authorization": f"Bearer {token}"}).status
        time.sleep(1)
    raise AssertionError(f"the batch did not end: {store.counters(batch_id)}")


def check_what_is_told(url: str, batch: Batch) -> None:
    """Ask the deployed function what came of a batch."""
    answers = {
        path: requests.get(f"{url}/v1/{path}", timeout=60)
        for path in (
            "health",
            "batches",
            f"batches/{batch.batch_id}",
            f"batches/{batch.batch_id}/exports/1/graded.csv",
            f"batches/{batch.batch_id}/grades?limit=500",
            f"batches/{batch.batch_id}/professionals?prefix=A",
        )
    }
    health, listed, shown, graded, grades, professionals = answers.values()
    assert [200] * len(answers) == [answer.status_code for answer in answers.values()], [
        answer.text[:300] for answer in answers.values()
    ]
    assert {
        "state": "ok",
        "queue": "ok",
        "warehouse": "ok",
        "blobs": "ok",
        "dispatching": "Cloud Tasks",
    } == health.json()
    assert [batch.batch_id] == [each["batch_id"] for each in listed.json()["batches"]]
    assert ("complete", {"done": 60}) == (shown.json()["status"], shown.json()["by_state"])
    assert hashlib.sha256(graded.content).hexdigest() == graded.headers["ETag"].strip('"')
    assert list(csv.DictReader(io.StringIO(graded.text))) == grades.json()["rows"]
    one = professionals.json()["professionals"][0]["professional_id"]
    story = requests.get(f"{url}/v1/batches/{batch.batch_id}/professionals/{one}", timeout=60).json()
    assert story["calls"] == len(story["calls_made"])
    assert story["ledger"]


def test_the_cloud_and_one_machine_export_the_same_bytes(
    practice_api: SandboxServer,
    bigquery_server: BigqueryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = Workplace.make(tmp_path / "machine", practice_api, calls_a_second=100)
    write_roster(place.folder / "roster.csv", seeded_market(60, 7, AS_OF))
    embedded = place.run("--as-of", str(AS_OF))
    calls_embedded = practice_api.stats().calls
    practice_api.reset()

    source = (place.folder / "source.yaml").read_text(encoding="utf-8")
    started_at = time.monotonic()
    with ExitStack() as stack:
        deployed = stack.enter_context(deployment(bigquery_server.url, {SOURCE: source}))
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", deployed.documents.target)
        for function in FUNCTIONS:
            env = {**deployed.env(function), "SANDBOX_TOKEN": TOKEN}
            port = int(deployed.urls[function].rpartition(":")[2])
            stack.enter_context(served(function, Path(sys.executable), tmp_path, env, port))
        stack.enter_context(deployed.tasks.dispatching())
        body, headers = form(
            source=SOURCE.encode(),
            parameters=f'{{"as_of": "{AS_OF}"}}'.encode(),
            roster=(place.folder / "roster.csv").read_bytes(),
        )
        answer = post(f"{deployed.urls['start_batch']}/v1/batches", body, headers)
        assert 202 == answer.status, answer.body
        client = deployed.firestore_client()
        stack.callback(client.close)
        batch = ended(FirestoreBatchStore(client, RealClock()), str(answer.document["batch_id"]), deployed)

        check_what_is_told(deployed.urls["start_batch"], batch)
        dropped = [name for queue in deployed.queues for name in deployed.tasks.dropped(queue)]
    took = time.monotonic() - started_at

    with capsys.disabled():
        sys.stdout.write(
            f"\nparity: {batch.export_digest} on one machine and in the cloud, "
            f"{practice_api.stats().calls} calls in {took:.0f} s\n"
        )
    assert "" == batch.reason
    assert embedded["export_digest"] == batch.export_digest
    assert calls_embedded == practice_api.stats().calls
    assert [] == dropped
