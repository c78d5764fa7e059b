"""Who may call a route, and who hears of it when Google's own calls may not."""

import logging

import flask

from prograde.bootstrap.hosted import Hosted
from prograde.entrypoints.problem_details import status_of
from prograde.errors import ForbiddenCallerError, UnknownCallerError
from prograde.ports import Caller

_log = logging.getLogger(__name__)


def admitted(host: Hosted, request: flask.Request, caller: Caller) -> str:
    """Name the caller, or raise what refuses it; a refused task or routine is logged, since nobody reads its answer."""
    try:
        return host.callers.check(request.environ, caller)
    except (UnknownCallerError, ForbiddenCallerError) as error:
        if caller in {Caller.TASKS, Caller.SCHEDULER}:
            _log.exception("a caller was refused", extra={"path": request.path, "status": status_of(error)})
        raise
