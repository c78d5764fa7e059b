"""
Our errors over HTTP, as problem details (RFC 9457).

    error of ours          status   what Cloud Tasks does with it
    InputError             400      delivers again until the attempts are used up: nobody meant to send it
    UnknownCallerError     401      the same: what it sends proves who it is
    ForbiddenCallerError   403      the same
    NotFoundError          404      the same
    ConflictError          409      the same
    CorruptionError        500      the same, and an alert
    TransientError         503      delivers again, later, and sends the whole queue slower
    TransientError, pages  429      the same, and counts it as an answer (docs/decisions/0011)
    none                   200      nothing more
"""

import logging

import flask
from werkzeug.exceptions import HTTPException

from prograde.errors import (
    BusyError,
    ConflictError,
    CorruptionError,
    ForbiddenCallerError,
    InputError,
    InterruptedCallError,
    NotFoundError,
    ProgradeError,
    SettingsError,
    TransientError,
    UnknownCallerError,
)
from prograde.use_cases.announce import Event

VALUE_SHOWN = 1_000
MIMETYPE = "application/problem+json"

_log = logging.getLogger(__name__)


def answered_error(error: ProgradeError, request: flask.Request, again: int = 503) -> flask.Response:
    """Answer an error of ours, and log it if it is ours to mend; `again` is the status of what may succeed later."""
    status = status_of(error, again)
    if _is_trouble(error):
        facts = {"path": request.path, "status": status}
        if isinstance(error, CorruptionError):
            facts["event"] = str(Event.CORRUPTION)
        _log.exception("a request failed", extra=facts)
    return problem_details(error, status)


def _is_trouble(error: ProgradeError) -> bool:
    """Tell whether an error is ours to mend."""
    is_expected = isinstance(error, InterruptedCallError | BusyError)
    return isinstance(error, TransientError | CorruptionError) and not is_expected


def status_of(error: ProgradeError, again: int = 503) -> int:
    """Tell the status that an error of ours is answered with."""
    match error:
        case InputError():
            return 400
        case UnknownCallerError():
            return 401
        case ForbiddenCallerError():
            return 403
        case NotFoundError():
            return 404
        case ConflictError():
            return 409
        case TransientError():
            return again
        case _:
            return 500


def problem_details(error: ProgradeError, status: int) -> flask.Response:
    """Describe an error for machines and people; the values of bad input are shown, stored data is not."""
    details: dict[str, object] = {"title": type(error).__name__, "status": status, "detail": str(error)}
    if isinstance(error, InputError | SettingsError):
        details["problems"] = [
            {"field": problem.field, "value": _value_shown(problem.value), "remedy": problem.remedy}
            for problem in error.problems
        ]
    response = flask.jsonify(details)
    response.status_code = status
    response.mimetype = MIMETYPE
    if isinstance(error, UnknownCallerError):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, InterruptedCallError | BusyError) and error.wait_seconds is not None:
        # Rounded down: the rest is waited for in front of the call, and nothing of the limits is given away.
        response.headers["Retry-After"] = str(int(error.wait_seconds))
    return response


def _value_shown(value: object) -> str | None:
    """Write what was sent, as it was sent; None where nothing was."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)[:VALUE_SHOWN]


def http_problem(error: HTTPException) -> flask.Response:
    """Describe what HTTP itself refuses: an unknown path, a method, a type, a size."""
    status = error.code or 500
    response = flask.jsonify({"title": error.name, "status": status, "detail": error.description})
    response.headers.update({name: value for name, value in error.get_headers() if name != "Content-Type"})
    response.status_code = status
    response.mimetype = MIMETYPE
    return response
