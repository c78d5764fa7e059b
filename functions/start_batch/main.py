"""The function start_batch."""

import flask
import functions_framework

from prograde.entrypoints.web import app


@functions_framework.http
def start_batch(request: flask.Request) -> flask.Response:
    """Start and steer batches; take seed and supervise tasks."""
    return app.start_batch(request)


@functions_framework.errorhandler(404)  # type: ignore[untyped-decorator]  # the framework has no types
@functions_framework.errorhandler(500)  # type: ignore[untyped-decorator]  # the framework has no types
def refuse(error: Exception) -> flask.Response:
    """Answer what the framework refuses, and what nobody expected, like everything else."""
    return app.refused(error)
