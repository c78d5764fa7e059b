"""The trace that the platform gives each request, on every log line of it."""

import re
from contextlib import AbstractContextManager, nullcontext

import flask

from prograde.correlation import correlated

_TRACE_ID = re.compile(r"(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?![0-9a-f])")
_HEADERS = ("HTTP_TRACEPARENT", "HTTP_X_CLOUD_TRACE_CONTEXT")


def traced(request: flask.Request) -> AbstractContextManager[None]:
    """Put a request's trace (W3C's header, or Google's) on what is logged inside."""
    for name in _HEADERS:
        if found := _TRACE_ID.match(request.environ.get(name, "")):
            return correlated(trace_id=found[1])
    return nullcontext()
