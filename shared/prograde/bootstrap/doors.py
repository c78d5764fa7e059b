"""The doors through which the dispatcher posts to the functions that this process hosts."""

from collections.abc import Mapping
from inspect import unwrap

import flask

from prograde.adapters.local.wsgi_client import Door, Response, environ_of


def direct_door(app: flask.Flask) -> Door:
    """
    Post to the function that functions-framework hosts in `app`, past what finds the function of a request.

    That is a tenth of what a page costs. The function is the same, with the same request and the app's context, and
    what it does not catch is answered by the app; but nothing reads a route, a session or `flask.request`.
    """
    function = unwrap(app.view_functions["run"])

    def post(path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        try:
            with app.app_context():
                response: flask.Response = function(app.request_class(environ_of(path, body, headers)))
        except Exception as error:  # noqa: BLE001  # handled as it would be behind the framework's own door
            with app.request_context(environ_of(path, body, headers)):
                response = app.handle_exception(error)
        retry_after = response.headers.get("Retry-After")
        return Response(response.status_code, response.get_data(), None if retry_after is None else int(retry_after))

    return post
