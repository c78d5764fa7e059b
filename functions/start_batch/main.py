"""The function start_batch."""

import flask
import functions_framework

from prograde.entrypoints.web import app


@functions_framework.http
def start_batch(request: flask.Request) -> flask.Response:
    """Start and steer batches; take seed and supervise tasks."""
    return app.start_batch(request)
