"""The function fetch_page."""

import flask
import functions_framework

from prograde.entrypoints import http_handler


@functions_framework.http
def fetch_page(request: flask.Request) -> flask.Response:
    """Take a page task: at most one call to the source."""
    return http_handler.fetch_page(request)
