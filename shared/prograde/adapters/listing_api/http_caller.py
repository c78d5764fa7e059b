"""The one HTTP call of a dispatch: connected, through the gate, sent; never retried, never redirected."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException, IncompleteRead

from urllib3 import BaseHTTPResponse, exceptions
from urllib3.connection import HTTPConnection

from prograde.adapters.listing_api.body import read_body
from prograde.adapters.listing_api.connections import Connections
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.source import Client
from prograde.ports import RateGate

NETWORK_ERRORS = (exceptions.HTTPError, HTTPException, OSError)
"""All that the network can do, as urllib3 (HTTPError), the standard library and the operating system name it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when nothing did, `problem` when it is not whole. Header names are lower-case."""

    sent_at: datetime
    latency_ms: float
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: UnusableAnswerError | None = None


class HttpCaller:
    """Calls one origin, with at most `client.concurrency` calls in flight."""

    def __init__(self, client: Client, headers: Mapping[str, str], gate: RateGate, timer: Callable[[], float]) -> None:
        self._client = client
        self._headers = headers
        self._gate = gate
        self._timer = timer
        self._connections = Connections(client.base_url, client.concurrency)

    def send(self, method: str, target: str, body: bytes | None, share: float = 1.0) -> Answer:
        """Make one call, with a JSON body or none; raises InterruptedCallError from the gate and nothing else."""
        with self._connections.lend() as connection:
            started = self._timer()
            # Connected first, so that the time that the gate records is the time when the request leaves.
            problem = self._try_connect(connection)
            # A connection that fails passes the gate too: a source that is down is not hammered.
            sent_at = self._gate.pass_one(share)
            if problem is None:
                started = self._timer()
                # The gate may keep a call for so long that the idle connection is gone.
                problem = self._try_connect(connection)
            if problem is not None:
                return Answer(sent_at, self._ms_since(started), problem=problem)
            return self._exchanged(connection, (method, target, body), sent_at, started)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._connections.close()

    def _try_connect(self, connection: HTTPConnection) -> UnusableAnswerError | None:
        if connection.is_connected:
            return None
        connection.close()
        connection.timeout = self._client.connect_timeout_seconds
        try:
            connection.connect()
        except NETWORK_ERRORS as error:
            connection.close()
            return network_problem(error)
        return None

    def _exchanged(
        self, connection: HTTPConnection, asked: tuple[str, str, bytes | None], sent_at: datetime, started: float
    ) -> Answer:
        connection.timeout = self._client.read_timeout_seconds
        method, target, sent = asked
        headers = self._headers if sent is None else {**self._headers, "Content-Type": "application/json"}
        response: BaseHTTPResponse | None = None
        body = bytearray()
        problem = None
        try:
            connection.request(method, target, sent, headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            read_body(response, body, self._client.response_bytes_max)
        except UnusableAnswerError as error:
            problem = error
        except NETWORK_ERRORS as error:
            problem = network_problem(error)
        latency_ms = self._ms_since(started)
        if problem is not None:
            # What is left of this answer must not be taken for the next one.
            connection.close()
        if response is None:
            return Answer(sent_at, latency_ms, problem=problem)
        response.close()
        received = {name.lower(): response.headers[name] for name in response.headers}
        return Answer(sent_at, latency_ms, response.status, received, bytes(body), problem)

    def _ms_since(self, started: float) -> float:
        return round((self._timer() - started) * 1000, 3)


def network_problem(error: Exception) -> UnusableAnswerError:
    """Name what the network did; no text of the error's own, which may hold anything."""
    reason = error.args[-1] if isinstance(error, exceptions.ProtocolError) and error.args else error
    match reason:
        case exceptions.NameResolutionError():
            return UnusableAnswerError("connection", "the host's name is not known")
        case exceptions.NewConnectionError():
            return UnusableAnswerError("connection", "nobody answers at the host's address")
        case TimeoutError() | exceptions.TimeoutError():
            return UnusableAnswerError("timeout", "no whole answer within the time limit")
        case IncompleteRead() | exceptions.IncompleteRead():
            return UnusableAnswerError("cut_short", "the body ends early")
        case ssl.SSLError() | exceptions.SSLError():
            return UnusableAnswerError("tls", f"no trusted connection: {type(reason).__name__}")
        case _:
            return UnusableAnswerError("connection", f"the connection failed: {type(reason).__name__}")
