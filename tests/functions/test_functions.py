"""Each function's real main.py, hosted by functions-framework over the real local adapters."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Never

import pytest
from flask.testing import FlaskClient
from typing_extensions import override
from werkzeug.test import TestResponse

from prograde.adapters.documents import write_task
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.adapters.local.wsgi_client import IN_PROCESS
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.domain.effects import PageTask, effects
from prograde.entrypoints.order_schedule import quarter
from prograde.errors import NotBeforeError
from prograde.ports import ListingSource, PageRequest
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from prograde.use_cases.steer import pause_batch, resume_batch
from tests.e2e.machine import TOKEN, Workplace

AS_OF = date(2026, 6, 30)


@pytest.fixture(scope="module")
def practice_api() -> Iterator[SandboxServer]:
    with SandboxServer(seeded_market(20, 7, AS_OF)) as server:
        yield server


@pytest.fixture
def machine(practice_api: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalMachine]:
    monkeypatch.setenv("SANDBOX_TOKEN", TOKEN)
    practice_api.reset()
    place = Workplace.make(tmp_path, practice_api, calls_a_second=1_000)
    (tmp_path / "data").mkdir()
    with local_machine(DataDirectory(tmp_path / "data"), SourceFolder(place.folder), place.env) as lent:
        yield lent


def dispatcher_client(machine: LocalMachine, function: str) -> FlaskClient:
    """Call a function as the dispatcher does, from inside the process."""
    client = function_app(function, machine.services).test_client()
    client.environ_base[IN_PROCESS] = "1"
    return client


def post_batch(machine: LocalMachine, roster: str, key: str = "", **fields: str) -> TestResponse:
    client = function_app("start_batch", machine.services).test_client()
    form = {"source": "source", "roster": (io.BytesIO(roster.encode()), "roster.csv"), **fields}
    return client.post("/v1/batches", data=form, headers={"Idempotency-Key": key} if key else {})


def first_task(machine: LocalMachine, batch_id: str, professional_id: str) -> PageTask:
    professional = machine.services.store.professional(batch_id, professional_id)
    assert professional is not None
    return PageTask(batch_id, professional_id, professional.step, professional.wake, professional.due_at)


def deliver(machine: LocalMachine, task: PageTask, retries: int = 0) -> TestResponse:
    client = dispatcher_client(machine, "fetch_page")
    headers = {"X-CloudTasks-TaskRetryCount": str(retries)}
    return client.post("/", data=write_task(task), headers=headers)


def test_a_posted_form_starts_a_batch(machine: LocalMachine) -> None:
    response = post_batch(machine, "professional_id\nA1\nA2\n")
    assert 202 == response.status_code
    batch_id = response.get_json()["batch_id"]
    assert f"/v1/batches/{batch_id}" == response.headers["Location"]
    assert [2, 14] == [
        sum(counter.pending for counter in machine.services.store.counters(batch_id)),
        machine.services.store.batch(batch_id).drained,  # type: ignore[union-attr]
    ]


def test_the_same_idempotency_key_is_the_same_batch(machine: LocalMachine) -> None:
    first = post_batch(machine, "professional_id\nA1\n", key="2026-Q4")
    second = post_batch(machine, "professional_id\nA1\n", key="2026-Q4")
    assert first.get_json()["batch_id"] == second.get_json()["batch_id"]
    assert 1 == len(list(machine.services.store.batches()))
    dated = post_batch(machine, "professional_id\nA1\n", key="2026-Q4", parameters='{"as_of": "2026-06-30"}')
    assert 409 == dated.status_code, "another order, even if it came to the same today"
    other = post_batch(machine, "professional_id\nA2\n", key="2026-Q4")
    assert 409 == other.status_code
    assert "use a new key" in other.get_json()["detail"]


def test_bad_input_is_answered_with_problem_details_and_creates_nothing(machine: LocalMachine) -> None:
    response = post_batch(machine, "name\nAnn\n", parameters=json.dumps({"page_limit": 0, "as_of": "soon"}))
    assert 400 == response.status_code
    assert "application/problem+json" == response.mimetype
    assert {"roster", "page_limit", "as_of"} == {problem["field"] for problem in response.get_json()["problems"]}
    assert [] == list(machine.services.store.batches())


def test_an_unknown_source_is_not_found_and_no_path(machine: LocalMachine) -> None:
    for name in ("nowhere", "../source", "/etc/passwd", ""):
        response = post_batch(machine, "professional_id\nA1\n", source=name)
        assert 404 == response.status_code
        assert "there are: source" in response.get_json()["detail"]


def test_a_delivered_page_is_one_call_and_a_duplicate_is_none(
    machine: LocalMachine, practice_api: SandboxServer
) -> None:
    agent = seeded_market(20, 7, AS_OF).agents[0].key
    batch_id = post_batch(machine, f"professional_id\n{agent}\n").get_json()["batch_id"]
    task = first_task(machine, batch_id, agent)
    assert 200 == deliver(machine, task).status_code
    assert 1 == practice_api.stats().calls
    after = machine.services.store.professional(batch_id, agent)
    assert 200 == deliver(machine, task).status_code
    assert 1 == practice_api.stats().calls
    assert after == machine.services.store.professional(batch_id, agent)


def test_a_task_before_its_professional_is_to_be_delivered_again(machine: LocalMachine) -> None:
    batch_id = post_batch(machine, "professional_id\nA1\n").get_json()["batch_id"]
    task = first_task(machine, batch_id, "A1")
    ahead = PageTask(batch_id, "A1", task.step + 1, task.wake, task.due_at)
    assert 429 == deliver(machine, ahead).status_code
    unseeded = PageTask(batch_id, "A2", 0, 0, task.due_at)
    assert 429 == deliver(machine, unseeded).status_code


def test_a_page_that_killed_its_handler_three_times_is_a_failure_without_a_call(
    machine: LocalMachine, practice_api: SandboxServer
) -> None:
    batch_id = post_batch(machine, "professional_id\nA1\n").get_json()["batch_id"]
    task = first_task(machine, batch_id, "A1")
    assert 200 == deliver(machine, task, retries=3).status_code
    assert 0 == practice_api.stats().calls
    professional = machine.services.store.professional(batch_id, "A1")
    assert professional is not None
    assert (1, 1) == (professional.step, professional.failures_in_a_row)
    assert professional.last_failure.startswith("handler_died")


def test_a_delivered_wake_task_wakes_who_is_unfinished(machine: LocalMachine) -> None:
    batch_id = post_batch(machine, "professional_id\nA1\nA2\n").get_json()["batch_id"]
    pause_batch(machine.services, batch_id, "by hand")
    resumed = resume_batch(machine.services, batch_id)
    [task] = effects(resumed)
    client = dispatcher_client(machine, "start_batch")
    for _ in range(2):
        assert 200 == client.post("/tasks/wake", data=write_task(task)).status_code
    assert machine.services.store.batch(batch_id).waking is None  # type: ignore[union-attr]
    assert [1, 1] == [first_task(machine, batch_id, who).wake for who in ("A1", "A2")]


def test_a_body_that_is_no_task_is_bad_input(machine: LocalMachine) -> None:
    for name, path in (
        ("fetch_page", "/"),
        ("finalize", "/"),
        ("fetch_page", "/sounding"),
        ("start_batch", "/tasks/seed"),
        ("start_batch", "/tasks/wake"),
    ):
        client = dispatcher_client(machine, name)
        for body in (b"", b"{}", b"\xff", b"[1]", b'{"batch_id": 7}'):
            response = client.post(path, data=body)
            assert 400 == response.status_code
            assert "body" == response.get_json()["problems"][0]["field"]


@pytest.mark.parametrize("function", ["fetch_page", "finalize"])
def test_on_one_machine_there_is_no_account_to_ask_about(machine: LocalMachine, function: str) -> None:
    response = dispatcher_client(machine, function).post("/readiness", data=b"{}")

    assert (404, "there is no POST /readiness") == (response.status_code, response.get_json()["detail"])


def schedule(**changed: object) -> str:
    return json.dumps({"schedule": "quarterly", "source": "source", "roster": "rosters/north.csv", **changed})


def test_a_schedule_starts_one_batch_a_quarter(machine: LocalMachine) -> None:
    machine.services.blobs.put("rosters/north.csv", io.BytesIO(b"professional_id\nA1\nA2\n"))
    client = dispatcher_client(machine, "start_batch")
    first, again = (client.post("/tasks/scheduled-batch", data=schedule()) for _ in range(2))
    assert [202, 202] == [first.status_code, again.status_code]
    assert first.get_json() == again.get_json()
    assert [2] == [batch.roster.professionals for batch in machine.services.store.batches()]
    other = client.post("/tasks/scheduled-batch", data=schedule(schedule="yearly"))
    assert other.get_json()["batch_id"] != first.get_json()["batch_id"]


def test_a_schedule_that_is_wrong_starts_nothing_and_says_what_is_wrong(machine: LocalMachine) -> None:
    client = dispatcher_client(machine, "start_batch")
    for wrong, field in (
        ({"roster": "batches/x/roster.csv"}, "roster"),
        ({"schedule": None}, "schedule"),
        ({"surprise": 1}, "surprise"),
        ({"parameters": []}, "parameters"),
    ):
        response = client.post("/tasks/scheduled-batch", data=schedule(**wrong))
        assert 400 == response.status_code
        assert [field] == [problem["field"] for problem in response.get_json()["problems"]]
    assert 404 == client.post("/tasks/scheduled-batch", data=schedule()).status_code, "no such roster"
    assert 400 == client.post("/tasks/scheduled-batch", data="no JSON").status_code
    assert [] == list(machine.services.store.batches())


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 1, 1), "2026-Q1"), (date(2026, 3, 31), "2026-Q1"), (date(2026, 10, 1), "2026-Q4")],
)
def test_a_quarter_is_three_months(day: date, expected: str) -> None:
    assert expected == quarter(day)


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("fetch_page", "/"),
        ("fetch_page", "/sounding"),
        ("finalize", "/"),
        ("start_batch", "/tasks/seed"),
        ("start_batch", "/tasks/wake"),
        ("start_batch", "/tasks/supervise"),
        ("start_batch", "/tasks/scheduled-batch"),
    ],
)
def test_on_one_machine_only_its_own_process_delivers_tasks(machine: LocalMachine, function: str, path: str) -> None:
    client = function_app(function, machine.services).test_client()
    headers = {"Prograde.In-Process": "True", "prograde.in_process": "True", "X-CloudTasks-TaskName": "x"}
    response = client.post(path, headers=headers)
    assert 401 == response.status_code
    assert "Bearer" == response.headers["WWW-Authenticate"]
    assert "UnknownCallerError" == response.get_json()["title"]


def test_the_environment_builds_the_services_of_a_function_that_is_hosted_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = function_app("start_batch").test_client()
    client.environ_base[IN_PROCESS] = "1"
    response = client.post("/tasks/supervise")
    assert 503 == response.status_code
    assert ["PROGRADE_DATA_DIR", "PROGRADE_SOURCES_DIR"] == [
        problem["field"] for problem in response.get_json()["problems"]
    ]
    monkeypatch.setenv("PROGRADE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PROGRADE_SOURCES_DIR", str(tmp_path))
    assert 200 == client.post("/tasks/supervise").status_code


class UsedUp(ListingSource):
    """A source whose limits allow no call before a moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    @override
    def fetch(self, request: PageRequest, share: float = 1.0) -> Never:
        raise NotBeforeError("used up", self._moment)


def test_a_page_that_the_limits_allow_only_later_is_acknowledged_and_postponed(machine: LocalMachine) -> None:
    batch_id = post_batch(machine, "professional_id\nA1\n").get_json()["batch_id"]
    task = first_task(machine, batch_id, "A1")
    later = task.due_at + timedelta(hours=1)
    services = replace(machine.services, listing_source=lambda _: UsedUp(later))
    client = function_app("fetch_page", services).test_client()
    client.environ_base[IN_PROCESS] = "1"

    assert 200 == client.post("/", data=write_task(task)).status_code

    professional = machine.services.store.professional(batch_id, "A1")
    assert professional is not None
    assert (later, task.wake + 1) == (professional.due_at, professional.wake)
