"""A worker for tasks: it keeps what it was sent, and answers as it is told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in; headers by lower-case name."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[int], tuple[int, dict[str, str]]]
"""From how many requests came before to status and headers."""


class Worker:
    """An HTTP server on loopback."""

    def __init__(self, answer: Answer = lambda _: (200, {}), content: bytes = b"") -> None:
        self.received: list[Received] = []
        received, guard = self.received, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with guard:
                    count = len(received)
                    received.append(Received(time.monotonic(), self.command, self.path, headers, body))
                status, answered = answer(count)
                self.send_response(status)
                for name, value in answered.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_POST()

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
