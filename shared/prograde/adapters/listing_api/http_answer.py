"""An HTTP/1.1 answer as it arrives on a socket: its head, then its body piece by piece, all before one deadline."""

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httptools

from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.waiting import receive

PIECE_BYTES = 65_536
HEAD_BYTES_MAX = 65_536
"""The most of a head, or of what stands between and behind chunks, that brings nothing of a body."""
HEADERS_MAX = 100
_CONTINUE, _SWITCHING, _FINAL = 100, 101, 200
"""Statuses from 100 to below 200 only announce an answer, but for 101, which is one."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; names are lower-case, values given several times are joined by commas."""

    status: int
    headers: Mapping[str, str]


class HttpAnswer:
    """
    The answer to one request, read by llhttp.

    The deadline is for the whole of it: a socket's own timeout starts anew with every byte, so a server that sends
    one a second would never be late. Raises UnusableAnswerError for what is no HTTP or ends early, and OSError.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._deadline = time.monotonic() + seconds
        self._heard = _Heard()
        self._bodiless = 0
        # Who was held up still reads what had arrived in time: no more than the system keeps for a socket.
        self._late = 0

    def head(self) -> Head:
        """Wait for the head; what merely announces it (100 Continue) is passed over."""
        while not self._heard.status:
            if not self._receive():
                said = "the head ends early" if self._bodiless else "closed without an answer"
                raise UnusableAnswerError("connection", said)
        return Head(self._heard.status, self._heard.headers)

    def body(self) -> Iterator[bytes]:
        """Give the body as it arrives, without its framing."""
        heard = self._heard
        coding = heard.headers.get("transfer-encoding", "chunked")
        if coding.lower() != "chunked":
            raise UnusableAnswerError("malformed", f"transfer-encoding {coding!r} was not asked for")
        while True:
            pieces, heard.pieces = heard.pieces, []
            yield from pieces
            if heard.is_whole:
                return
            if not self._receive():
                # Neither a length nor chunks: then it is the end of the connection that ends the body.
                if heard.headers.keys().isdisjoint(("content-length", "transfer-encoding")):
                    return
                raise UnusableAnswerError("cut_short", "the body ends early")

    @property
    def leaves_the_connection(self) -> bool:
        """Whether it came whole and nothing came after it, so that another request may follow."""
        return self._heard.is_whole and not self._heard.is_followed and self._heard.keeps_open

    def _receive(self) -> bool:
        """Wait for more; False at the end of the connection."""
        left = self._deadline - time.monotonic()
        if left <= 0 and self._late >= self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF):
            raise TimeoutError("the whole answer did not arrive in time")
        piece = receive(self._sock, PIECE_BYTES, max(left, 0.0))
        if left <= 0:
            self._late += len(piece)
        if piece:
            self._parse(piece)
        return bool(piece)

    def _parse(self, piece: bytes) -> None:
        heard = self._heard
        try:
            heard.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            heard.is_followed = True
        except httptools.HttpParserError as error:
            # What breaks the rules behind a whole answer only spoils the connection.
            heard.is_followed = True
            if not heard.is_whole:
                cause = "malformed" if heard.status else "connection"
                raise UnusableAnswerError(cause, f"what answers breaks HTTP/1: {error}") from None
        if heard.header_count > HEADERS_MAX:
            raise UnusableAnswerError("connection", f"the head has more than {HEADERS_MAX} headers")
        self._bodiless = 0 if heard.pieces else self._bodiless + len(piece)
        if self._bodiless > HEAD_BYTES_MAX and not heard.is_whole:
            raise UnusableAnswerError("connection", f"{HEAD_BYTES_MAX:,} bytes brought nothing of a body")


class _Heard:
    """What the parser tells; announcements, trailers and all that comes behind the answer are passed over."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.header_count = 0
        self.status = 0
        self.keeps_open = False
        self.is_whole = False
        self.is_followed = False

    def on_message_begin(self) -> None:
        self.is_followed = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:
            return
        self.header_count += 1
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if self.status:
            return
        if _CONTINUE <= status < _FINAL and status != _SWITCHING:
            self.headers.clear()
            return
        self.status, self.keeps_open = status, self.parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        if not self.is_whole:
            self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.is_whole = self.status > 0
