"""The function start_batch: guard, route, who calls, handler, answer."""

import io
from collections.abc import Mapping
from typing import Any

import flask
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    NotAcceptable,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.routing import Map

from prograde.bootstrap.hosted import Hosted, hosted
from prograde.entrypoints.admission import admitted
from prograde.entrypoints.problem_details import MIMETYPE, answered_error, http_problem
from prograde.entrypoints.trace import traced
from prograde.entrypoints.web.guard import guarded, refuse_strangers
from prograde.entrypoints.web.pages import shown
from prograde.entrypoints.web.route import JSON_BYTES_MAX, Call, Route
from prograde.entrypoints.web.table import EVERYTHING, MAPS
from prograde.errors import ProgradeError

PATH_SHOWN = 200


def start_batch(request: flask.Request) -> flask.Response:
    """Answer a request by the route table."""
    with traced(request):
        try:
            host = hosted(flask.current_app)
            refuse_strangers(request, is_loopback=host.serves is None)
            response = _routed(host, request)
        except ProgradeError as error:
            response = _unread(request, answered_error(error, request))
        except HTTPException as error:
            response = _unread(request, http_problem(error))
        return guarded(shown(request, response))


def refused(error: Exception) -> flask.Response:
    """Answer what never came to the route table: a path that the framework cannot read, a mistake of ours."""
    return guarded(http_problem(error if isinstance(error, HTTPException) else InternalServerError()))


def _routed(host: Hosted, request: flask.Request) -> flask.Response:
    table: Map = EVERYTHING if host.serves is None else MAPS[host.serves]
    path = request.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
    route, ids = _found(table, path, request.method)
    request.max_content_length = route.body_bytes_max
    who = admitted(host, request, route.caller)
    _refuse_types(request, route)
    _refuse_too_much(request, route)
    return route.handler(Call(host.services, request, who, in_cloud=host.serves is not None), **ids)


def _found(table: Map, path: str, method: str) -> tuple[Route, Mapping[str, Any]]:
    try:
        route, ids = table.bind("").match(path, method)
    except NotFound:
        raise NotFound(f"there is no {method} {path[:PATH_SHOWN]}") from None
    assert isinstance(route, Route)
    return route, ids


def _refuse_too_much(request: flask.Request, route: Route) -> None:
    """Refuse a body whose told length is over the route's limit; one that tells none is refused as it is read."""
    if (request.content_length or 0) > route.body_bytes_max:
        remedy = "; of a roster, send the professional_id column alone" if route.body_bytes_max > JSON_BYTES_MAX else ""
        raise RequestEntityTooLarge(f"send at most {route.body_bytes_max // 1_000_000} MB{remedy}")


def _refuse_types(request: flask.Request, route: Route) -> None:
    """Refuse a body that nobody here reads, and to answer what nobody there reads."""
    if route.takes and request.mimetype not in route.takes:
        raise UnsupportedMediaType(f"send {' or '.join(route.takes)}, not {request.mimetype[:80] or 'nothing'}")
    accepted = request.accept_mimetypes
    if accepted and not any(accepted[given] for given in (*route.gives, MIMETYPE)):
        raise NotAcceptable(f"this answers in {' or '.join(route.gives)}")


def _unread(request: flask.Request, response: flask.Response) -> flask.Response:
    """Answer at once: functions-framework would read a refused body to its end first."""
    request.environ["wsgi.input"] = io.BytesIO()
    request.environ["CONTENT_LENGTH"] = "0"
    request.__dict__.pop("stream", None)
    return response
