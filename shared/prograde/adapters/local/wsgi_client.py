"""A post to a WSGI app in this process, without a socket, and how the app knows it from any other."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prograde.errors import UnknownCallerError
from prograde.ports import Caller

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Environ = dict[str, Any]

IN_PROCESS = "prograde.in_process"
"""A key of a WSGI environment: no header can become it, so whoever sets it is this process."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a function answered; `retry_after` is in seconds, None where it names none."""

    status: int
    body: bytes
    retry_after: int | None = None


Door = Callable[[str, bytes, Mapping[str, str]], Response]
"""Where a function is posted to: a path, a body, headers."""


def environ_of(path: str, body: bytes, headers: Mapping[str, str]) -> Environ:
    """Write a post from inside this process as a WSGI environment."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": "localhost",
        IN_PROCESS: True,
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()},
    }


def post(app: WsgiApp, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Post to a WSGI app in this process, without a socket."""
    environ = environ_of(path, body, headers)
    started: list[tuple[str, dict[str, str]]] = []

    def start_response(
        status: str, response_headers: list[tuple[str, str]], _exception: object = None
    ) -> Callable[[bytes], None]:
        started.append((status, {name.lower(): value for name, value in response_headers}))
        return lambda _: None

    chunks = app(environ, start_response)
    try:
        content = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, answered = started[-1]
    retry_after = answered.get("retry-after")
    return Response(int(status.split(" ", 1)[0]), content, None if retry_after is None else int(retry_after))


class InProcessCallers:
    """
    Callers of one machine.

    The dispatcher, queue and scheduler in one, posts from inside the process; people are who sits before the machine.
    """

    def check(self, environ: Mapping[str, Any], caller: Caller) -> str:
        """Let pass people, and what was posted in this process."""
        if caller in (Caller.TASKS, Caller.SCHEDULER) and not environ.get(IN_PROCESS):
            raise UnknownCallerError(f"only the {caller} of this very process may call this")
        return ""
