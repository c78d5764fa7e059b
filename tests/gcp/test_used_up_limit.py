"""A limit that is used up for an hour, in the cloud: pages are given a later time, and a cancel does not wait."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from infra.package import FUNCTIONS
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.domain.batch import BatchStatus
from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import TOKEN, Workplace
from tests.emulators.bigquery import BigqueryServer
from tests.gcp.deployment import deployment, post, served
from tests.gcp.real_clock import RealClock
from tests.gcp.test_parity import AS_OF, SOURCE, form

pytestmark = pytest.mark.gcp

AN_HOUR_S = 8
SECONDS_TO_LEARN, SECONDS_TO_END = 60.0, 60.0


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come to be so within {seconds} s"
        time.sleep(0.2)


def is_postponed(store: FirestoreBatchStore, batch_id: str) -> bool:
    """Tell whether everybody who is left is due much later."""
    soon = RealClock().now() + timedelta(minutes=10)
    is_late = [each.due_at > soon for each in store.professionals(batch_id) if not each.is_final]
    return bool(is_late) and all(is_late)


def status(store: FirestoreBatchStore, batch_id: str) -> BatchStatus:
    batch = store.batch(batch_id)
    assert batch is not None
    return batch.status


def test_a_cancel_does_not_wait_for_a_used_up_limit(
    bigquery_server: BigqueryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    market = seeded_market(12, 7, AS_OF)
    with ExitStack() as stack:
        practice_api = stack.enter_context(SandboxServer(market))
        place = Workplace.make(tmp_path / "machine", practice_api, calls_a_second=100)
        write_roster(place.folder / "roster.csv", market)
        limits = f"{{limit: 100, interval: PT1S}}, {{limit: {AN_HOUR_S}, interval: PT1H}}"
        text = (place.folder / "source.yaml").read_text(encoding="utf-8")
        source = text.replace("{limit: 100, interval: PT1S}", limits)
        deployed = stack.enter_context(deployment(bigquery_server.url, {SOURCE: source}))
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", deployed.documents.target)
        for function in FUNCTIONS:
            env = {**deployed.env(function), "SANDBOX_TOKEN": TOKEN}
            port = int(deployed.urls[function].rpartition(":")[2])
            stack.enter_context(served(function, Path(sys.executable), tmp_path, env, port))
        stack.enter_context(deployed.tasks.dispatching())
        roster = (place.folder / "roster.csv").read_bytes()
        body, headers = form(source=SOURCE.encode(), parameters=f'{{"as_of": "{AS_OF}"}}'.encode(), roster=roster)
        batches = f"{deployed.urls['start_batch']}/v1/batches"
        batch_id = str(post(batches, body, headers).document["batch_id"])
        client = deployed.firestore_client()
        stack.callback(client.close)
        store = FirestoreBatchStore(client, RealClock())

        wait_until(lambda: is_postponed(store, batch_id), SECONDS_TO_LEARN)
        calls = practice_api.stats().calls
        began = time.monotonic()
        assert 200 == post(f"{batches}/{batch_id}/cancel").status
        wait_until(lambda: status(store, batch_id).is_over, SECONDS_TO_END)
        took = time.monotonic() - began
        ended = status(store, batch_id)

    with capsys.disabled():
        sys.stdout.write(f"\na limit used up after {calls} calls: cancelled in {took:.1f} s\n")
    assert AN_HOUR_S >= calls == practice_api.stats().calls
    assert BatchStatus.CANCELLED is ended
