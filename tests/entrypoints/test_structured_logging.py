import io
import json
import logging
from collections.abc import Iterator

import pytest

from prograde import structured_logging


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
