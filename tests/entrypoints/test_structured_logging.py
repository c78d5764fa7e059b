import io
import json
import logging
from collections.abc import Iterator

import flask
import pytest
from werkzeug.test import EnvironBuilder

from prograde import structured_logging
from prograde.correlation import correlated
from prograde.entrypoints.trace import traced


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    structured_logging.configure(stream)
    yield stream
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


def fail_with(token: str) -> None:
    raise RuntimeError(f"a call with {len(token)} characters of token failed")


def test_a_line_is_one_json_object_with_what_was_said(log: io.StringIO) -> None:
    logging.getLogger("prograde.x").info("seeded %s", 3, extra={"batch_id": "b-1"})
    (line,) = log.getvalue().splitlines()
    assert {"message": "seeded 3", "severity": "INFO", "batch_id": "b-1"}.items() <= json.loads(line).items()


def test_an_exception_is_logged_without_the_variables_around_it(log: io.StringIO) -> None:
    try:
        fail_with("t0ps3cret")
    except RuntimeError:
        logging.getLogger("prograde.x").exception("a request failed")
    assert "fail_with" in log.getvalue()
    assert "t0ps3cret" not in log.getvalue()


def test_a_log_that_cannot_be_written_says_nothing_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, raises = root.handlers[:], logging.raiseExceptions
    stream = io.StringIO()
    structured_logging.configure(stream)
    stream.close()
    logging.getLogger("prograde.x").warning("lost")
    root.handlers[:], logging.raiseExceptions = handlers, raises
    assert ("", "") == capsys.readouterr()


def test_a_line_carries_the_facts_of_the_work_at_hand_and_its_own_before_them(log: io.StringIO) -> None:
    with correlated(batch_id="b-1", step=1), correlated(page=3):
        logging.getLogger("prograde.x").info("within", extra={"step": 2})
    logging.getLogger("prograde.x").info("after")
    within, after = map(json.loads, log.getvalue().splitlines())
    assert {"batch_id": "b-1", "step": 2, "page": 3}.items() <= within.items()
    assert not {"batch_id", "step", "page"} & set(after)


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"},
        {"X-Cloud-Trace-Context": f"{'ab' * 16}/123;o=1"},
    ],
    ids=["W3C", "Google"],
)
def test_a_line_names_the_trace_of_its_request_as_cloud_logging_reads_it(
    log: io.StringIO, headers: dict[str, str]
) -> None:
    structured_logging.configure(log, project="p-1")
    with traced(flask.Request(EnvironBuilder(headers=list(headers.items())).get_environ())):
        logging.getLogger("prograde.x").info("within")
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert f"projects/p-1/traces/{'ab' * 16}" == line["logging.googleapis.com/trace"]


def test_a_trace_that_is_none_is_left_out(log: io.StringIO) -> None:
    with traced(flask.Request(EnvironBuilder(headers=[("traceparent", 'x", "severity": "DEBUG')]).get_environ())):
        logging.getLogger("prograde.x").info("within")
    assert "trace_id" not in log.getvalue()
