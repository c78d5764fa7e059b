"""HTTP in, one use case, a status code out: what fetch_page and finalize do; start_batch has its own in web/."""

from collections.abc import Callable
from functools import wraps

import flask

from prograde.adapters.documents import read_finalize_task, read_page_task, read_sounding_task
from prograde.adapters.task_routes import READINESS
from prograde.bootstrap.hosted import Hosted, hosted
from prograde.correlation import correlated
from prograde.entrypoints.admission import admitted
from prograde.entrypoints.problem_details import answered_error
from prograde.entrypoints.trace import traced
from prograde.errors import NotBeforeError, NotFoundError, ProgradeError
from prograde.ports import Caller
from prograde.settings import Serves
from prograde.use_cases import fetch_page as pages
from prograde.use_cases import finalize as finalizing
from prograde.use_cases import supervise as supervising
from prograde.use_cases.postpone import postpone

Handler = Callable[[Hosted, flask.Request], None]
View = Callable[[flask.Request], flask.Response]


def _taking_tasks(serves: Serves, again: int = 503) -> Callable[[Handler], View]:
    """
    Give a handler what it works with if the queue calls, and turn our errors into problem details.

    A package that is deployed under another name answers nothing of it; `again` is the status of what may succeed
    later.
    """

    def decorate(handler: Handler) -> View:
        @wraps(handler)
        def view(request: flask.Request) -> flask.Response:
            with traced(request):
                try:
                    host = hosted(flask.current_app)
                    if host.serves not in {None, serves}:
                        raise NotFoundError(f"there is no {request.method} {request.path}")
                    admitted(host, request, Caller.TASKS)
                    if host.services.readiness is not None and request.path == READINESS:
                        host.services.readiness.answer(request.get_data())
                    else:
                        handler(host, request)
                except ProgradeError as error:
                    return answered_error(error, request, again)
            # Every page ends here, so the empty object is not put through a serialiser.
            return flask.Response("{}\n", mimetype="application/json")

        return view

    return decorate


@_taking_tasks(Serves.PAGES, again=429)
def fetch_page(host: Hosted, request: flask.Request) -> None:
    """Take a page task, or a sounding."""
    if request.path == "/sounding":
        supervising.sound(host.services, read_sounding_task(request.get_data()))
    else:
        task, deaths = read_page_task(request.get_data()), _deaths(request)
        with correlated(batch_id=task.batch_id, professional_id=task.professional_id):
            try:
                pages.fetch_page(host.services, task, deaths)
            except NotBeforeError as error:
                postpone(host.services, task, error.moment, deaths)


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


@_taking_tasks(Serves.FINALIZE)
def finalize(host: Hosted, request: flask.Request) -> None:
    """Take a finalize task."""
    task = read_finalize_task(request.get_data())
    with correlated(batch_id=task.batch_id):
        finalizing.finalize(host.services, task)
