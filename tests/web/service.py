"""The service as people meet it: HTTP on loopback, a dispatcher beside it, a practice API behind it."""

import io
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import requests

from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.domain.professional import State, StopReason
from prograde.entrypoints.web_server import WebServer
from prograde.ports import Transaction
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import Workplace
from tests.local.functions import running

AS_OF = date(2026, 6, 30)
MARKET = seeded_market(20, 7, AS_OF)
EVERYBODY = [agent.key for agent in MARKET.agents]
WAITING = EVERYBODY[10:]
"""They are asked for before those whom a test is about, and take some calls each."""
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs."""

    url: str
    machine: LocalMachine
    folder: Path

    def get(self, path: str, status: int = 200, **options: object) -> requests.Response:
        return self.send("GET", path, status, **options)

    def post(self, path: str, status: int = 200, **options: object) -> requests.Response:
        return self.send("POST", path, status, **options)

    def send(self, method: str, path: str, status: int, **options: object) -> requests.Response:
        response = requests.request(method, f"{self.url}{path}", timeout=PATIENCE_SECONDS, **options)  # type: ignore[arg-type]  # of requests
        assert status == response.status_code, response.text
        return response

    def ordered(self, professionals: Sequence[str], key: str = "", **parameters: object) -> str:
        """Start a batch and return its id."""
        roster = "\n".join(["professional_id", *professionals]).encode()
        response = self.post(
            "/v1/batches",
            202,
            data={"source": "source", "parameters": json.dumps({"as_of": str(AS_OF), **parameters})},
            files={"roster": ("roster.csv", io.BytesIO(roster))},
            headers={"Idempotency-Key": key} if key else {},
        )
        return str(response.json()["batch_id"])

    def finished(self, batch_id: str) -> str:
        """Wait until a batch is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (batch := self.machine.services.store.batch(batch_id)) or not batch.status.is_over:
            assert time.monotonic() < deadline, f"the batch is {batch and batch.status}"
            time.sleep(0.02)
        return batch_id

    def with_dead_letters(self, professionals: Sequence[str], cause: str = "server_error") -> str:
        """Start a batch that is paused, and in which these have failed."""
        batch_id = ""
        for _ in range(20):
            batch_id = self.ordered([*WAITING, *professionals])
            # It may have come too far before it is paused: then another one.
            paused = requests.post(f"{self.url}/v1/batches/{batch_id}/pause", timeout=PATIENCE_SECONDS)
            store = self.machine.services.store
            opened = {each.professional_id for each in store.in_state(batch_id, State.OPEN, "", 500)}
            if paused.ok and opened.issuperset(professionals):
                break
        for professional_id in professionals:
            self._fail(batch_id, professional_id, f"{cause}: status 500")
        return batch_id

    def _fail(self, batch_id: str, professional_id: str, failure: str) -> None:
        def fail(transaction: Transaction) -> None:
            batch = transaction.batch(batch_id)
            professional = transaction.professional(batch_id, professional_id)
            assert batch is not None
            assert professional is not None
            counter = transaction.counter(batch_id, professional.sequence % batch.counters)
            failed = replace(
                professional,
                step=professional.step + 1,
                state=State.FAILED,
                stop_reason=StopReason.FAILURE_LIMIT,
                last_failure=failure,
            )
            closed = counter.closed_one(failed, None, self.machine.services.clock.now())
            transaction.put_batch(replace(batch, drained=batch.drained + (closed.pending == 0)))
            transaction.put_counter(batch_id, closed)
            transaction.put_professional(failed)

        self.machine.services.store.transact(fail)


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    """Run a service over a folder; the caller has set SANDBOX_TOKEN."""
    (folder / "data").mkdir(parents=True)
    with SandboxServer(MARKET) as practice_api:
        place = Workplace.make(folder / "sources", practice_api, calls_a_second=1_000)
        directory = DataDirectory(folder / "data")
        with directory.lock(), local_machine(directory, SourceFolder(place.folder), place.env) as machine:
            app = function_app("start_batch", machine.services)
            with running(machine.dispatcher(4), machine.queue), WebServer(app, 0) as server:
                yield Service(server.url.rstrip("/"), machine, folder)
