"""Logs as one JSON object a line, to a file or a stream; never to the terminal that shows the progress."""

import logging
from typing import TextIO

import structlog


def configure(stream: TextIO, level: int = logging.INFO) -> None:
    """Send every log line of the process, ours and the libraries', to the stream as JSON."""
    ours: list[structlog.typing.Processor] = [
        # First, since `event` is a key of our own: what happened, by its name.
        structlog.processors.EventRenamer("message"),
        structlog.stdlib.add_log_level,
        _severity,
        structlog.stdlib.ExtraAdder(),
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


def _severity(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the level as Cloud Logging does, which reads nothing else."""
    event["severity"] = event.pop("level").upper()
    return event
