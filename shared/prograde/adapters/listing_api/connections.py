"""Connections to a source's origin, kept open between calls, whose answers keep one deadline for the whole of them."""

import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from queue import LifoQueue
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection, HTTPSConnection

from prograde.adapters.listing_api.base_url import BaseUrl

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _PunctualStream(io.RawIOBase):
    """
    What arrives on a socket until its timeout, counted once from now on.

    A socket's own timeout starts anew with every byte: a server that sends one a second would never be late.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer did not arrive in time")
        self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class BrokenHeadersError(HTTPException):
    """An answer's head holds lines that are no headers."""


class _PunctualResponse(HTTPResponse):
    """An answer that is late as a whole, from its status line to its last byte."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.fp = io.BufferedReader(_PunctualStream(sock))

    def begin(self) -> None:
        super().begin()
        # What follows a line that is no header is lost, perhaps the link to the next page. And urllib3 would log it
        # with the whole URL, which may hold a key.
        if self.headers.defects:
            raise BrokenHeadersError


class _PlainConnection(HTTPConnection):
    response_class: type[HTTPResponse] = _PunctualResponse


class _TlsConnection(HTTPSConnection):
    response_class: type[HTTPResponse] = _PunctualResponse


class Connections:
    """As many connections as there may be calls in flight, opened when first needed."""

    def __init__(self, base_url: BaseUrl, concurrency: int) -> None:
        self._idle: LifoQueue[HTTPConnection] = LifoQueue()
        # One context for all, because reading the certificates takes milliseconds; it honours SSL_CERT_FILE.
        tls = ssl.create_default_context() if base_url.scheme == "https" else None
        for _ in range(concurrency):
            self._idle.put(
                _PlainConnection(base_url.host, base_url.port)
                if tls is None
                else _TlsConnection(base_url.host, base_url.port, ssl_context=tls)
            )

    @contextmanager
    def lend(self) -> Iterator[HTTPConnection]:
        """Lend a connection, the one used last first; wait while all are in use. An exception closes it."""
        connection = self._idle.get()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for connection in list(self._idle.queue):
            connection.close()
