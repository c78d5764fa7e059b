"""The one HTTP call of a dispatch: connected, through the gate, sent; never retried, never redirected."""

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prograde.adapters.listing_api.body import read_body
from prograde.adapters.listing_api.connections import Connection, Connections
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.http_answer import Head, HttpAnswer
from prograde.adapters.listing_api.source import Client
from prograde.adapters.waiting import apart, send
from prograde.ports import RateGate

_TARGET = re.compile("[!-~]+")


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
        # What is the same in every request.
        host = client.base_url.origin.partition("://")[2]
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": host} | dict(headers)).items())
        self._gate = gate
        self._timer = timer
        self._connections = Connections(client.base_url, client.concurrency)

    def send(self, method: str, target: str, body: bytes | None, share: float = 1.0) -> Answer:
        """Make one call, with a JSON body or none; raises InterruptedCallError from the gate and nothing else."""
        request = self._request(method, target, body)
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
            return self._exchanged(connection, request, sent_at, started)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._connections.close()

    def _request(self, method: str, target: str, body: bytes | None) -> bytes:
        assert _TARGET.fullmatch(target), "a target is encoded: nothing in it ends the line"
        about_body = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{method} {target} HTTP/1.1\r\n{self._headers}{about_body}\r\n".encode("latin-1") + (body or b"")

    def _try_connect(self, connection: Connection) -> UnusableAnswerError | None:
        if connection.is_connected:
            return None
        try:
            apart(lambda: connection.connect(self._client.connect_timeout_seconds))
        except UnicodeError:
            return UnusableAnswerError("connection", "the host's name is not known")
        except OSError as error:
            return network_problem(error)
        return None

    def _exchanged(self, connection: Connection, request: bytes, sent_at: datetime, started: float) -> Answer:
        head: Head | None = None
        body = bytearray()
        problem = None
        sock = connection.sock
        try:
            send(sock, request, self._client.read_timeout_seconds)
            answer = HttpAnswer(sock, self._client.read_timeout_seconds)
            head = answer.head()
            encoding = head.headers.get("content-encoding", "")
            read_body(answer.body(), encoding, body, self._client.response_bytes_max)
            if not answer.leaves_the_connection:
                connection.close()
        except UnusableAnswerError as error:
            problem = error
        except OSError as error:
            problem = network_problem(error)
        latency_ms = self._ms_since(started)
        if problem is not None:
            # What is left of this answer must not be taken for the next one.
            connection.close()
        if head is None:
            return Answer(sent_at, latency_ms, problem=problem)
        return Answer(sent_at, latency_ms, head.status, head.headers, bytes(body), problem)

    def _ms_since(self, started: float) -> float:
        return round((self._timer() - started) * 1000, 3)


def network_problem(error: OSError) -> UnusableAnswerError:
    """Name what the network did; no text of the error's own, which may hold anything."""
    match error:
        case TimeoutError():
            return UnusableAnswerError("timeout", "no whole answer within the time limit")
        case socket.gaierror():
            return UnusableAnswerError("connection", "the host's name is not known")
        case ConnectionRefusedError():
            return UnusableAnswerError("connection", "nobody answers at the host's address")
        case ssl.SSLError():
            return UnusableAnswerError("tls", f"no trusted connection: {type(error).__name__}")
        case _:
            return UnusableAnswerError("connection", f"the connection failed: {type(error).__name__}")
