"""A real server on loopback that answers each request with the bytes it was given, however wrong they are."""

import re
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

Answer = bytes | Callable[[socket.socket], None]

_LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)
_HEAD_END = b"\r\n\r\n"


def http_answer(body: bytes, status: str = "200 OK", headers: Iterable[str] = ()) -> bytes:
    """A whole HTTP answer that keeps the connection open."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + _HEAD_END + body


class AnsweringServer:
    """
    Answers the first request with the first answer and so on; the last one serves all that follow.

    `requests` holds the head of each, `bodies` its body; `connections` counts how many were opened.
    """

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._answers = answers
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        # Wakes the thread that waits for a connection, which closing the listener alone does not.
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self._stopping.wait(seconds)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        with connection:
            connection.settimeout(0.05)
            while not self._stopping.is_set():
                try:
                    piece = connection.recv(65_536)
                    if not piece:
                        return
                except TimeoutError:
                    continue
                except ConnectionError:
                    return
                received += piece
                while _HEAD_END in received:
                    head, _, rest = received.partition(_HEAD_END)
                    length = int((_LENGTH.search(head) or [0, 0])[1])
                    if len(rest) < length:
                        break
                    received = rest[length:]
                    self.bodies.append(rest[:length])
                    if not self._answer(connection, head.decode("latin-1")):
                        return

    def _answer(self, connection: socket.socket, head: str) -> bool:
        self.requests.append(head)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        try:
            connection.settimeout(5)
            if isinstance(answer, bytes):
                connection.sendall(answer)
            else:
                answer(connection)
            connection.settimeout(0.05)
        except OSError:
            return False
        # An answer that has closed the connection is the last one on it.
        return connection.fileno() != -1
