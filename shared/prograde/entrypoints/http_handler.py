"""
HTTP in, one use case, a status code out: all that the three functions do.

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
import os
from collections.abc import Callable
from functools import wraps

import flask

from prograde.adapters.documents import (
    read_finalize_task,
    read_page_task,
    read_seed_task,
    read_sounding_task,
    read_wake_task,
)
from prograde.bootstrap.hosted import Hosted, hosted
from prograde.domain.batch import Batch
from prograde.errors import (
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
from prograde.ports import Caller
from prograde.settings import Serves
from prograde.use_cases import fetch_page as pages
from prograde.use_cases import finalize as finalizing
from prograde.use_cases import seed as seeding
from prograde.use_cases import start_batch as starting
from prograde.use_cases import steer as steering
from prograde.use_cases import supervise as supervising
from prograde.use_cases import wake as waking
from prograde.use_cases.services import Services

_log = logging.getLogger(__name__)

_STEERING: dict[str, Callable[[Services, str], Batch]] = {
    "pause": steering.pause_batch,
    "resume": steering.resume_batch,
    "cancel": steering.cancel_batch,
}

Handler = Callable[[Hosted, flask.Request], flask.Response]
View = Callable[[flask.Request], flask.Response]


def _served(serves: Serves, again: int = 503) -> Callable[[Handler], View]:
    """
    Give a handler what it works with, and turn our errors into problem details (RFC 9457).

    A package that is deployed under another name answers nothing of it; `again` is the status of what may succeed
    later.
    """

    def decorate(handler: Handler) -> View:
        @wraps(handler)
        def view(request: flask.Request) -> flask.Response:
            try:
                host = hosted(flask.current_app)
                if host.serves not in {None, serves}:
                    raise _no_such(request)
                return handler(host, request)
            except ProgradeError as error:
                status = status_of(error, again)
                if _is_trouble(error):
                    _log.exception("a request failed", extra={"path": request.path, "status": status})
                return problem_details(error, status)

        return view

    return decorate


@_served(Serves.BATCHES)
def start_batch(host: Hosted, request: flask.Request) -> flask.Response:
    """Start a batch (POST /v1/batches), steer one (POST /v1/batches/ID/VERB), or take a control task or a schedule."""
    services = host.services
    match (request.method, *request.path.split("/")[1:]):
        case ("POST", "v1", "batches"):
            # What reads source files is much, and the other functions never do.
            from prograde.entrypoints.order_form import order_from_form

            with order_from_form(request, services) as order:
                batch = starting.start_batch(services, order)
            return _started(batch)
        case ("POST", "v1", "batches", batch_id, verb) if verb in _STEERING:
            batch = _STEERING[verb](services, batch_id)
            return _json({"batch_id": batch.batch_id, "status": batch.status}, 200)
        case ("POST", "tasks", "seed"):
            host.callers.check(request.environ, Caller.TASKS)
            seeding.seed_step(services, read_seed_task(request.get_data()))
        case ("POST", "tasks", "wake"):
            host.callers.check(request.environ, Caller.TASKS)
            waking.wake_step(services, read_wake_task(request.get_data()))
        case ("POST", "tasks", "supervise"):
            host.callers.check(request.environ, Caller.SCHEDULER)
            supervising.supervise(services)
        case ("POST", "tasks", "scheduled-batch"):
            from prograde.entrypoints.order_schedule import order_from_schedule

            host.callers.check(request.environ, Caller.SCHEDULER)
            with order_from_schedule(request.get_data(), services, os.environ) as order:
                batch = starting.start_batch(services, order)
            return _started(batch)
        case _:
            raise _no_such(request)
    return _json({}, 200)


@_served(Serves.PAGES, again=429)
def fetch_page(host: Hosted, request: flask.Request) -> flask.Response:
    """Take a page task, or a sounding."""
    host.callers.check(request.environ, Caller.TASKS)
    if request.path == "/sounding":
        supervising.sound(host.services, read_sounding_task(request.get_data()))
    else:
        pages.fetch_page(host.services, read_page_task(request.get_data()), _deaths(request))
    # Every page ends here, so the empty object is not put through a serialiser.
    return flask.Response("{}\n", mimetype="application/json")


def _deaths(request: flask.Request) -> int:
    """
    Count the earlier deliveries of a task that got no answer of ours: none at all, or the platform's own 5xx.

    No token vouches for these headers, so they decide nothing but how often a page that kills its handler is asked for.
    """
    retries, answers = (
        int(text) if (text := request.environ.get(name, "")).isdecimal() and len(text) < 10 else 0  # noqa: PLR2004  # no count has more digits
        for name in ("HTTP_X_CLOUDTASKS_TASKRETRYCOUNT", "HTTP_X_CLOUDTASKS_TASKEXECUTIONCOUNT")
    )
    return retries - answers


@_served(Serves.FINALIZE)
def finalize(host: Hosted, request: flask.Request) -> flask.Response:
    """Take a finalize task."""
    host.callers.check(request.environ, Caller.TASKS)
    finalizing.finalize(host.services, read_finalize_task(request.get_data()))
    return _json({}, 200)


def _started(batch: Batch) -> flask.Response:
    return _json(
        {"batch_id": batch.batch_id, "status": batch.status}, 202, {"Location": f"/v1/batches/{batch.batch_id}"}
    )


def _no_such(request: flask.Request) -> NotFoundError:
    return NotFoundError(f"there is no {request.method} {request.path}")


def _is_trouble(error: ProgradeError) -> bool:
    """Tell whether an error is ours to mend."""
    return isinstance(error, TransientError | CorruptionError) and not isinstance(error, InterruptedCallError)


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
            {"field": problem.field, "value": str(problem.value), "remedy": problem.remedy}
            for problem in error.problems
        ]
    response = _json(details, status)
    response.mimetype = "application/problem+json"
    if isinstance(error, UnknownCallerError):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, InterruptedCallError) and error.wait_seconds is not None:
        # Rounded down: the rest is waited for in front of the call, and nothing of the limits is given away.
        response.headers["Retry-After"] = str(int(error.wait_seconds))
    return response


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> flask.Response:
    response = flask.jsonify(value)
    response.status_code = status
    response.headers.update(headers or {})
    return response
