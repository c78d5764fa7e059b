"""The functions as this process hosts them, and the doors through which its dispatcher posts to them."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import as_file, files
from inspect import unwrap

import flask
import functions_framework

from prograde.adapters.local.wsgi_client import Door, InProcessCallers, Response, environ_of, post
from prograde.bootstrap.hosted import EXTENSION, Hosted
from prograde.use_cases.services import Services

FUNCTIONS = ("start_batch", "fetch_page", "finalize")


def function_app(name: str, services: Services | None = None) -> flask.Flask:
    """
    Host a function's `main.py` as functions-framework does; without `services` the environment decides.

    With them, only this process may deliver tasks.
    """
    with as_file(files("prograde.functions") / name / "main.py") as source:
        app: flask.Flask = functions_framework.create_app(target=name, source=str(source))  # type: ignore[no-untyped-call]
    if services is not None:
        app.extensions[EXTENSION] = Hosted(services, InProcessCallers())
    return app


def function_doors(services: Services) -> dict[str, Door]:
    """Host each function, and tell where it is posted to."""
    apps = {name: function_app(name, services) for name in FUNCTIONS}
    # Pages are many, and their function asks for nothing that only the framework's own door gives.
    return {name: partial(post, app) for name, app in apps.items()} | {"fetch_page": direct_door(apps["fetch_page"])}


def direct_door(app: flask.Flask) -> Door:
    """
    Post to the function that functions-framework hosts in `app`, past what finds the function of a request.

    That is a tenth of what a page costs. The function is the same, with the same request and the app's context, and
    what it does not catch is answered by the app; but nothing reads a route, a session or `flask.request`.
    """
    function = unwrap(app.view_functions["run"])

    def deliver(path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        try:
            with app.app_context():
                response: flask.Response = function(app.request_class(environ_of(path, body, headers)))
        except Exception as error:  # noqa: BLE001  # handled as it would be behind the framework's own door
            with app.request_context(environ_of(path, body, headers)):
                response = app.handle_exception(error)
        retry_after = response.headers.get("Retry-After")
        return Response(response.status_code, response.get_data(), None if retry_after is None else int(retry_after))

    return deliver
