"""Logs as one JSON object a line, to a file or a stream; never to the terminal that shows the progress."""

import logging
from typing import TextIO

import structlog

from prograde import correlation

Event = structlog.typing.EventDict


def configure(stream: TextIO, level: int = logging.INFO, project: str = "") -> None:
    """
    Send every log line of the process, ours and the libraries', to the stream as JSON.

    Each carries the facts of the work at hand; with a `project` of Google Cloud also what ties it to the request's
    trace there.
    """
    ours: list[structlog.typing.Processor] = [
        # First, since `event` is a key of our own: what happened, by its name.
        structlog.processors.EventRenamer("message"),
        structlog.stdlib.add_log_level,
        _severity,
        structlog.stdlib.ExtraAdder(),
        _Correlated(project),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Without local variables: a token would be among them.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=ours,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # A log that cannot be written (a full disk) must not fill the terminal with its own troubles.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _severity(_logger: object, _method: str, event: Event) -> Event:
    """Name the level as Cloud Logging does, which reads nothing else."""
    event["severity"] = event.pop("level").upper()
    return event


class _Correlated:
    """Adds the facts of the work at hand; what the line itself says goes before them."""

    def __init__(self, project: str) -> None:
        self._project = project

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        _, error, _ = event.get("exc_info") or (None, None, None)
        for name, value in correlation.facts(error).items():
            event.setdefault(name, value)
        if self._project and "trace_id" in event:
            event["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{event.pop('trace_id')}"
        return event
