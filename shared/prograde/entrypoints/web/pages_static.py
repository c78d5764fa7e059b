"""The style sheet, the script and the icon; /static is Flask's own."""

from collections.abc import Callable

import flask

from prograde.entrypoints.web.rendering import STATIC, asset
from prograde.entrypoints.web.route import Call, Route
from prograde.ports import Caller

YEAR_SECONDS = 365 * 24 * 3600


def _serving(name: str) -> Callable[[Call], flask.Response]:
    def handler(call: Call) -> flask.Response:
        found = asset(name)
        response = flask.Response(found.content, mimetype=found.mimetype)
        response.add_etag()
        # A page names a file by its content: whoever has it need never ask again.
        is_named = call.request.full_path == found.address
        response.headers["Cache-Control"] = f"private, max-age={YEAR_SECONDS}, immutable" if is_named else "no-cache"
        response.make_conditional(call.request)
        return response

    return handler


ROUTES = tuple(
    Route("GET", f"/assets/{name}", Caller.PEOPLE, _serving(name), gives=(mimetype,))
    for name, mimetype in STATIC.items()
)
