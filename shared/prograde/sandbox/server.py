"""The practice API over HTTP, on this machine's loopback only."""

import contextlib
import dataclasses
import json
import re
import socket
import socketserver
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self

from typing_extensions import override

from prograde.sandbox.api import PLAIN_ROOT, RESO_ROOT, PracticeApi, Request, error_json
from prograde.sandbox.call_log import CallLog, CallStats
from prograde.sandbox.errors import MethodNotAllowedError, RequestError, UnauthorizedError
from prograde.sandbox.market import Market

LOOPBACK = "127.0.0.1"
DEFAULT_TOKEN = "sandbox"  # noqa: S105 - it opens nothing but invented data
DEFAULT_PAGE_SIZE = 50

_IDLE_TIMEOUT_SECONDS = 60
_CONTROL_METHODS = {"/__stats": "GET", "/__arrivals": "GET", "/__reset": "POST"}
_LOGGED_PATHS = ("Member", "Property", "plain", "other")
_LOGGED_PATH = re.compile(rf"{RESO_ROOT}/(Member|Property)(?!\w)|{PLAIN_ROOT}/agents/")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?", re.ASCII)


class SandboxServer:
    """
    A running practice API; use it as a context manager, or call `start` and `close`.

    It listens from construction on, at the port given or at any free one, and raises OSError if it cannot.
    """

    def __init__(
        self, market: Market, token: str = DEFAULT_TOKEN, port: int = 0, page_size: int = DEFAULT_PAGE_SIZE
    ) -> None:
        self._calls = CallLog(_LOGGED_PATHS, datetime.now(UTC), time.monotonic())
        self._http = _HttpServer(PracticeApi(market, token, page_size), self._calls, port)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self.base_url = f"http://{LOOPBACK}:{self._http.server_port}"
        """Scheme, host and port; the two dialects are below it."""

    @property
    def reso_url(self) -> str:
        """The root of the RESO Web API."""
        return f"{self.base_url}{RESO_ROOT}"

    @property
    def plain_url(self) -> str:
        """The root of the dialect with numbered pages."""
        return f"{self.base_url}{PLAIN_ROOT}"

    def start(self) -> None:
        """Serve, in threads of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving and hang up on every client."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def stats(self) -> CallStats:
        """What `/__stats` answers."""
        return self._calls.stats()

    def reset(self) -> None:
        """Forget every call, as `/__reset` does."""
        self._calls.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _HttpServer(ThreadingHTTPServer):
    """Remembers its connections: a client that keeps one alive must not outlive the server."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: PracticeApi, calls: CallLog, port: int) -> None:
        self.api = api
        self.calls = calls
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._is_closed = False
        super().__init__((LOOPBACK, port), _Handler)

    @override
    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the resolver for this host's name, which can take seconds and is not needed.
        socketserver.TCPServer.server_bind(self)
        self.server_name = LOOPBACK
        self.server_port = self.server_address[1]

    def connected(self, connection: socket.socket) -> None:
        """A client has come."""
        with self._connections_lock:
            self._connections.add(connection)
            if self._is_closed:
                _hang_up(connection)

    def disconnected(self, connection: socket.socket) -> None:
        """A client has gone."""
        with self._connections_lock:
            self._connections.discard(connection)

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client may hang up whenever it likes; anything else is a mistake of ours and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            traceback.print_exc()

    @override
    def server_close(self) -> None:
        super().server_close()
        with self._connections_lock:
            self._is_closed = True
            for connection in self._connections:
                _hang_up(connection)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was quicker
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection, and the requests that come over it."""

    protocol_version = "HTTP/1.1"
    server_version = "prograde-sandbox"
    sys_version = ""
    timeout: ClassVar[float | None] = _IDLE_TIMEOUT_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    server: _HttpServer  # type: ignore[mutable-override]  # it is made by no other

    @override
    def setup(self) -> None:
        super().setup()
        self.server.connected(self.connection)

    @override
    def finish(self) -> None:
        self.server.disconnected(self.connection)
        super().finish()

    @override
    def parse_request(self) -> bool:
        arrived_at = time.monotonic()
        if not super().parse_request():
            return False
        # A body is not read, so the bytes after it could not be told from the next request.
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        path = self.path.partition("?")[0]
        if path not in _CONTROL_METHODS:
            self.server.calls.record(_logged_path(path), arrived_at)
        return True

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            body = self._control(path) if path in _CONTROL_METHODS else self._ask(path, query)
        except RequestError as error:
            self._send(error.status, error_json(error.status, error.message, error.target), error)
        else:
            self._send(HTTPStatus.OK, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _ask(self, path: str, query: str) -> str:
        host = self.headers.get("Host", "")
        origin = f"http://{host}" if _HOST.fullmatch(host) else f"http://{LOOPBACK}:{self.server.server_port}"
        authorization = self.headers.get("Authorization", "")
        return self.server.api.answer(Request(self.command, path, query, authorization, origin))

    def _control(self, path: str) -> str:
        if self.command != _CONTROL_METHODS[path]:
            raise MethodNotAllowedError(f"{self.command} is not allowed here: use {_CONTROL_METHODS[path]}", path)
        match path:
            case "/__stats":
                return json.dumps(dataclasses.asdict(self.server.calls.stats()), default=datetime.isoformat)
            case "/__arrivals":
                return json.dumps(self.server.calls.arrivals())
            case _:
                self.server.calls.clear()
                return "{}"

    def _send(self, status: HTTPStatus, body: str, error: RequestError | None = None) -> None:
        content = body.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("OData-Version", "4.0")
        if isinstance(error, UnauthorizedError):
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as a malformed request line, has the same shape as our own refusals."""
        self.close_connection = True
        status = HTTPStatus(code)
        self._send(status, error_json(status, message or status.phrase, "request"))

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `/__stats` tells what was called."""


def _logged_path(path: str) -> str:
    match = _LOGGED_PATH.match(path)
    if match is None:
        return "other"
    return match[1] or "plain"
