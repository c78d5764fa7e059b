"""The practice API's HTTP, on this machine's loopback only."""

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
from typing import ClassVar

from typing_extensions import override

from prograde.sandbox.answer import Answer, error_answer, json_answer, refusal_answer
from prograde.sandbox.api import PLAIN_ROOT, RESO_ROOT, PracticeApi, Request
from prograde.sandbox.call_log import CallLog
from prograde.sandbox.errors import MethodNotAllowedError, RequestError
from prograde.sandbox.fault import AnswerFault, Fault, Wire, WireFault
from prograde.sandbox.traffic import Traffic

LOOPBACK = "127.0.0.1"
LOGGED_PATHS = ("Member", "Property", "plain", "other")

_IDLE_TIMEOUT_SECONDS = 60
_CONTROL_METHODS = {"/__stats": "GET", "/__arrivals": "GET", "/__reset": "POST"}
_LOGGED_PATH = re.compile(rf"{RESO_ROOT}/(Member|Property)(?!\w)|{PLAIN_ROOT}/agents/")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?", re.ASCII)


class HttpServer(ThreadingHTTPServer):
    """Remembers its connections: a client that keeps one alive must not outlive the server."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: PracticeApi, calls: CallLog, traffic: Traffic, port: int) -> None:
        self.api = api
        self.calls = calls
        self.traffic = traffic
        self.is_closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)

    @override
    def server_bind(self) -> None:
        # Not HTTPServer's: it asks the resolver for this host's name, which can take seconds and is not needed.
        socketserver.TCPServer.server_bind(self)
        self.server_name = LOOPBACK
        self.server_port = self.server_address[1]

    def reset(self) -> None:
        """Forget every call."""
        self.calls.clear()
        self.traffic.clear()

    def connected(self, connection: socket.socket) -> None:
        """A client has come."""
        with self._connections_lock:
            self._connections.add(connection)
            if self.is_closing.is_set():
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
            self.is_closing.set()
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
    server: HttpServer  # type: ignore[mutable-override]  # it is made by no other

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
        self._arrived_at = time.monotonic()
        if not super().parse_request():
            return False
        # A body is not read, so the bytes after it could not be told from the next request.
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        path = self.path.partition("?")[0]
        if path not in _CONTROL_METHODS:
            self.server.calls.record(_logged_path(path), self._arrived_at)
        return True

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        if path in _CONTROL_METHODS:
            self._send(self._control(path))
            return
        self.server.calls.begin()
        try:
            answer, fault = self._judge(path, query)
            self.server.traffic.linger(self.server.is_closing)
        finally:
            self.server.calls.end()
        self._deliver(answer, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _judge(self, path: str, query: str) -> tuple[Answer, Fault | None]:
        """The answer that is due, and what spoils it; who shows no token meets neither limits nor faults."""
        fault: Fault | None = None
        try:
            self.server.api.authenticate(self.headers.get("Authorization", ""))
            fault = self.server.traffic.meet(self.path, self._arrived_at)
            return json_answer(self._ask(path, query)), fault
        except RequestError as error:
            return refusal_answer(error), fault

    def _ask(self, path: str, query: str) -> str:
        host = self.headers.get("Host", "")
        origin = f"http://{host}" if _HOST.fullmatch(host) else f"http://{LOOPBACK}:{self.server.server_port}"
        return self.server.api.answer(Request(self.command, path, query, origin))

    def _control(self, path: str) -> Answer:
        if self.command != (method := _CONTROL_METHODS[path]):
            return refusal_answer(MethodNotAllowedError(f"{self.command} is not allowed here: use {method}", path))
        match path:
            case "/__stats":
                return json_answer(_stats_json(self.server.calls))
            case "/__arrivals":
                return json_answer(json.dumps(self.server.calls.arrivals()))
            case _:
                self.server.reset()
                return json_answer("{}")

    def _deliver(self, answer: Answer, fault: Fault | None) -> None:
        match fault:
            case None:
                self._send(answer)
            case AnswerFault():
                self._send(fault.spoil(answer, datetime.now(UTC)))
            case WireFault():
                self.close_connection = True
                fault.deliver(answer, Wire(self.connection, self.server.is_closing))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("OData-Version", "4.0")
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as a malformed request line, has the same shape as our own refusals."""
        self.close_connection = True
        status = HTTPStatus(code)
        self._send(error_answer(status, message or status.phrase, "request"))

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `/__stats` tells what was called."""


def _stats_json(calls: CallLog) -> str:
    return json.dumps(dataclasses.asdict(calls.stats()), default=datetime.isoformat)


def _logged_path(path: str) -> str:
    match = _LOGGED_PATH.match(path)
    if match is None:
        return "other"
    return match[1] or "plain"
