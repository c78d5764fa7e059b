"""The function start_batch."""

import flask
import functions_framework

from prograde.entrypoints import http_handler


@functions_framework.http
def start_batch(request: flask.Request) -> flask.Response:
    """Start a batch; take seed and supervise tasks."""
    return http_handler.start_batch(request)
