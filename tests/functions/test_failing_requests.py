"""What a function logs of a request that failed: whose work it was, and what alerts somebody by its name."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from prograde import structured_logging
from prograde.adapters.documents import write_task
from prograde.adapters.local.wsgi_client import IN_PROCESS
from prograde.bootstrap.hosting import function_app
from prograde.domain.effects import FinalizeTask, SeedTask
from prograde.errors import CorruptionError, ProgradeError, UnavailableError
from prograde.use_cases.announce import Event
from prograde.use_cases.services import Services
from tests.contracts.specimens import NOON
from tests.use_cases.bench import Bench, opened

Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with opened(tmp_path) as bench:
        yield bench


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    structured_logging.configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


def client(function: str, services: Services) -> FlaskClient:
    """Call a function as the dispatcher does."""
    called = function_app(function, services).test_client()
    called.environ_base[IN_PROCESS] = "1"
    return called


def failing(bench: Bench, verb: str, error: ProgradeError) -> Services:
    def fail() -> None:
        raise error

    return bench.before(verb, fail)


def test_a_page_that_fails_says_whose_it_was_and_where_it_stood(bench: Bench, log: Log) -> None:
    batch = bench.start("A1")
    services = failing(bench, "warehouse.insert_raw_page", UnavailableError("BigQuery has a bad hour"))

    response = client("fetch_page", services).post("/", data=write_task(bench.task("A1")))

    assert 429 == response.status_code
    line = log()[-1]
    facts = {"batch_id": batch.batch_id, "professional_id": "A1", "stage": "profile", "page": 1, "status": 429}
    assert facts.items() <= line.items()
    assert "event" not in line


def test_nothing_of_a_failed_request_is_left_on_the_next_one(bench: Bench, log: Log) -> None:
    bench.start("A1")
    services = failing(bench, "warehouse.insert_raw_page", UnavailableError("not now"))
    caller = client("fetch_page", services)
    caller.post("/", data=write_task(bench.task("A1")))

    logging.getLogger("prograde.x").info("after")

    assert not {"batch_id", "professional_id", "stage"} & set(log()[-1])


@pytest.mark.parametrize(
    ("function", "path", "task"),
    [
        ("start_batch", "/tasks/seed", SeedTask("gone", 0, 0, NOON)),
        ("finalize", "/", FinalizeTask("gone", 1, 0, NOON)),
    ],
)
def test_a_corruption_is_announced_with_its_batch(
    bench: Bench, log: Log, function: str, path: str, task: SeedTask | FinalizeTask
) -> None:
    services = failing(bench, "store.batch", CorruptionError("not a stored Batch: null"))

    response = client(function, services).post(path, data=write_task(task))

    assert 500 == response.status_code
    line = log()[-1]
    assert {"event": str(Event.CORRUPTION), "batch_id": "gone", "severity": "ERROR"}.items() <= line.items()
    assert "not a stored Batch" in str(line["exception"])


def test_what_is_over_fails_nobody(bench: Bench, log: Log) -> None:
    bench.start("A1")
    batch = bench.run()

    late = FinalizeTask(batch.batch_id, batch.grading_run, batch.wake, NOON)
    response = client("finalize", bench.services).post("/", data=write_task(late))

    assert 200 == response.status_code
    assert "batch_complete" == log()[-1]["event"]
