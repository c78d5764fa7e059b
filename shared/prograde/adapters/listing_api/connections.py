"""Connections to a source's origin, kept open between calls."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from prograde.adapters.listing_api.base_url import BaseUrl
from prograde.adapters.waiting import Turns
from prograde.errors import InterruptedCallError


class Connection:
    """One connection, opened when it is needed and opened again after it was closed."""

    def __init__(self, base_url: BaseUrl, tls: ssl.SSLContext | None) -> None:
        self._base_url = base_url
        self._tls = tls
        self._sock: socket.socket | None = None
        self._readable = select.poll()

    @property
    def sock(self) -> socket.socket:
        """The open socket."""
        assert self._sock is not None, "connect first"
        return self._sock

    @property
    def is_connected(self) -> bool:
        """Whether it is open; an idle one on which something arrives was closed by the other side."""
        if self._sock is None:
            return False
        if not self._readable.poll(0):
            return True
        return isinstance(self._sock, ssl.SSLSocket) and _has_only_tickets(self._sock)

    def connect(self, seconds: float) -> None:
        """Open it, each address of the host and the handshake within `seconds`; raises OSError and UnicodeError."""
        self.close()
        sock = socket.create_connection((self._base_url.host, self._base_url.port), seconds)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._base_url.host)
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._readable.register(sock, select.POLLIN)

    def close(self) -> None:
        """Close it, if it is open."""
        if self._sock is not None:
            sock, self._sock = self._sock, None
            self._readable.unregister(sock)
            sock.close()


def _has_only_tickets(sock: ssl.SSLSocket) -> bool:
    """Tell whether what arrived is TLS's own business: servers send session tickets after the handshake."""
    sock.settimeout(0.0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    return False


class Connections:
    """As many connections as there may be calls in flight, opened when first needed."""

    def __init__(self, base_url: BaseUrl, concurrency: int) -> None:
        self._free = Turns(concurrency)
        # One context for all, because reading the certificates takes milliseconds; it honours SSL_CERT_FILE.
        tls = ssl.create_default_context() if base_url.scheme == "https" else None
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        self._idle = [Connection(base_url, tls) for _ in range(concurrency)]

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection, the one used last first; wait while all are in use. An exception in a call closes it."""
        self._free.acquire()
        connection = self._idle.pop()
        try:
            yield connection
        except InterruptedCallError:
            # Nothing was sent, so nothing of an answer is left in it.
            raise
        except BaseException:
            connection.close()
            raise
        finally:
            self._idle.append(connection)
            self._free.release()

    def close(self) -> None:
        """Close the connections that are not in use."""
        for connection in list(self._idle):
            connection.close()
