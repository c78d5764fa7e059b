"""An HTTP/1.1 answer as it arrives on a socket: its head, then its body piece by piece, all before one deadline."""

import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prograde.adapters.listing_api.error_handler import UnusableAnswerError

PIECE_BYTES = 65_536
HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 100
LINE_BYTES_MAX = 8_192
"""The longest line between chunks, and the most that trailers may hold."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: |$)")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH = re.compile(r"([0-9]{1,15})(?:\s*,\s*\1)*")
_WITHOUT_BODY = (101, 204, 304)


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; names are lower-case, values given several times are joined by commas."""

    status: int
    headers: Mapping[str, str]
    keeps_open: bool


class HttpAnswer:
    """
    The answer to one request.

    The deadline is for the whole of it: a socket's own timeout starts anew with every byte, so a server that sends
    one a second would never be late. Raises UnusableAnswerError for what is no HTTP or ends early, and OSError.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._deadline = time.monotonic() + seconds
        self._held = bytearray()
        self._is_whole = False

    def head(self) -> Head:
        """Wait for the head; what merely announces it (100 Continue) is passed over."""
        while True:
            head = _parsed(self._head_text())
            if head.status >= 200 or head.status in _WITHOUT_BODY:  # noqa: PLR2004  # from here on it is final
                return head

    def body(self, head: Head) -> Iterator[bytes]:
        """Give the body as it arrives, without its framing."""
        coding = head.headers.get("transfer-encoding")
        length = head.headers.get("content-length")
        if head.status in _WITHOUT_BODY:
            self._is_whole = True
        elif coding is not None:
            if coding.strip().lower() != "chunked":
                raise UnusableAnswerError("malformed", f"transfer-encoding {coding!r} was not asked for")
            yield from self._chunks()
        elif length is not None:
            stated = _LENGTH.fullmatch(length.strip())
            if stated is None:
                raise UnusableAnswerError("malformed", f"content-length {length!r} is no length")
            yield from self._exactly(int(stated[1]))
            self._is_whole = True
        else:
            yield from self._until_closed()

    @property
    def is_followed_by_nothing(self) -> bool:
        """Whether the body came whole and nothing came after it, so that another request may follow."""
        return self._is_whole and not self._held

    def _head_text(self) -> str:
        at = 0
        while (end := _HEAD_END.search(self._held, at)) is None:
            at = max(0, len(self._held) - 3)
            if at > HEAD_BYTES_MAX:
                raise UnusableAnswerError("connection", f"the head is longer than {HEAD_BYTES_MAX:,} bytes")
            if not self._receive():
                said = "the head ends early" if self._held else "closed without an answer"
                raise UnusableAnswerError("connection", said)
        text = self._held[: end.start()].decode("latin-1")
        del self._held[: end.end()]
        return text

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left > 0:
            if not self._held and not self._receive():
                raise _cut_short()
            piece = bytes(self._held[:left])
            del self._held[:left]
            left -= len(piece)
            yield piece

    def _until_closed(self) -> Iterator[bytes]:
        while self._held or self._receive():
            piece = bytes(self._held)
            self._held.clear()
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = _CHUNK_SIZE.fullmatch(self._line())
            if size is None:
                raise _cut_short()
            length = int(size[1], 16)
            if length == 0:
                break
            yield from self._exactly(length)
            if self._line() != b"":
                raise _cut_short()
        trailers = 0
        while line := self._line():
            trailers += len(line)
            if trailers > LINE_BYTES_MAX:
                raise _cut_short()
        self._is_whole = True

    def _line(self) -> bytes:
        at = 0
        while (end := self._held.find(b"\n", at)) < 0:
            at = len(self._held)
            if at > LINE_BYTES_MAX or not self._receive():
                raise _cut_short()
        line = bytes(self._held[:end]).removesuffix(b"\r")
        del self._held[: end + 1]
        return line

    def _receive(self) -> bool:
        """Wait for more; False at the end of the connection."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer did not arrive in time")
        self._sock.settimeout(left)
        piece = self._sock.recv(PIECE_BYTES)
        self._held += piece
        return bool(piece)


def _cut_short() -> UnusableAnswerError:
    return UnusableAnswerError("cut_short", "the body ends early")


def _parsed(text: str) -> Head:
    status_line, *lines = text.split("\n")
    stated = _STATUS_LINE.match(status_line.rstrip("\r"))
    if stated is None:
        raise UnusableAnswerError("connection", "what answers does not speak HTTP/1")
    if len(lines) > HEADERS_MAX:
        raise UnusableAnswerError("connection", f"the head has more than {HEADERS_MAX} lines")
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[0] in " \t" and name:
            # A value that goes on in the next line: long out of use, and still sent.
            headers[name] = f"{headers[name]} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise UnusableAnswerError("connection", "the head holds a line that is no header")
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    tokens = headers.get("connection", "").lower()
    return Head(int(stated[2]), headers, "keep-alive" in tokens if stated[1] == "0" else "close" not in tokens)
