"""What the service says of itself: its health, and the description of its API."""

from importlib.resources import files

import flask

from prograde.entrypoints.web.answers import json_answer
from prograde.entrypoints.web.reading import Query, read_query
from prograde.entrypoints.web.route import Call, Route
from prograde.ports import Caller
from prograde.use_cases.check_health import check_health


def show_health(call: Call) -> flask.Response:
    """Tell whether state, queue and warehouse answer, and who delivers tasks."""
    read_query(call.request, Query)
    health = check_health(call.services)
    return json_answer(health, 200 if health.is_well else 503)


def show_description(call: Call) -> flask.Response:
    """Describe the HTTP API, as OpenAPI."""
    read_query(call.request, Query)
    text = (files("prograde.entrypoints.web") / "openapi.json").read_bytes()
    response = flask.Response(text, mimetype="application/json")
    response.add_etag()
    response.make_conditional(call.request)
    return response


ROUTES = (
    Route("GET", "/healthz", Caller.PEOPLE, show_health),
    # Cloud Run keeps paths that end in z to itself.
    Route("GET", "/v1/health", Caller.PEOPLE, show_health),
    Route("GET", "/v1/openapi.json", Caller.PEOPLE, show_description),
)
