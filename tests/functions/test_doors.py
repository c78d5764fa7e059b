"""The dispatcher's own door to a function answers as the framework's."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prograde.adapters.documents import write_task
from prograde.adapters.local.wsgi_client import Response, post
from prograde.bootstrap.hosting import direct_door, function_app
from prograde.domain.effects import SoundingTask
from prograde.errors import CorruptionError, InterruptedCallError, UnavailableError
from prograde.use_cases.services import Services
from tests.contracts.specimens import NOON, PAGE_TASK
from tests.use_cases.bench import Bench, opened

PAGE = write_task(PAGE_TASK).encode()
SOUNDING = write_task(SoundingTask("north", NOON, NOON)).encode()
HEADERS = {
    "X-CloudTasks-TaskRetryCount": "7",
    "X-CloudTasks-TaskExecutionCount": "1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with opened(tmp_path) as bench:
        yield bench


def raising(bench: Bench, error: Exception) -> Services:
    def fail() -> None:
        raise error

    return bench.before("store.professional", fail)


def answers_of_both(services: Callable[[], Services], path: str, body: bytes) -> tuple[Response, Response]:
    framework, direct = (function_app("fetch_page", services()) for _ in range(2))
    return post(framework, path, body, HEADERS), direct_door(direct)(path, body, HEADERS)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/", PAGE, 404), ("/", b"no task", 400), ("/sounding", SOUNDING, 200), ("/elsewhere", PAGE, 404)],
)
def test_what_is_posted_is_answered_alike(bench: Bench, path: str, body: bytes, status: int) -> None:
    framework, direct = answers_of_both(lambda: bench.services, path, body)

    assert framework == direct
    assert status == direct.status


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (UnavailableError("a full disk"), 429, None),
        (InterruptedCallError("not now", 90.5), 429, 90),
        (CorruptionError("not a stored Batch"), 500, None),
        (ZeroDivisionError("a mistake of ours"), 500, None),
    ],
)
def test_an_error_is_answered_and_logged_alike(
    bench: Bench, caplog: pytest.LogCaptureFixture, error: Exception, status: int, retry_after: int | None
) -> None:
    with caplog.at_level(logging.INFO):
        framework, direct = answers_of_both(lambda: raising(bench, error), "/", PAGE)

    assert framework == direct
    assert (status, retry_after) == (direct.status, direct.retry_after)
    logged = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert logged[: len(logged) // 2] == logged[len(logged) // 2 :]


def test_a_page_that_is_delivered_is_worked_as_through_the_framework(bench: Bench) -> None:
    bench.start("A1")
    task = bench.task("A1")

    response = direct_door(function_app("fetch_page", bench.services))("/", write_task(task).encode(), {})

    assert 200 == response.status
    assert task.step + 1 == bench.professional("A1").step
