"""The function finalize."""

import flask
import functions_framework

from prograde.entrypoints import http_handler


@functions_framework.http
def finalize(request: flask.Request) -> flask.Response:
    """Take a finalize task: grade and publish."""
    return http_handler.finalize(request)
