"""Answers that cost time or memory: some grow, some never end."""

import gzip
import socket
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress

from tests.fuzz.one_fetch import ANSWER_BYTES_MAX
from tests.listing_api.answering_server import Answer, http_answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SERVED_SECONDS = 10.0
"""How long a server goes on: far beyond the time limit of whoever asked."""


class Endless:
    """Sends a head, and then one piece after the other until the caller has had enough."""

    def __init__(self, head: bytes, piece: bytes, pause_seconds: float = 0.0) -> None:
        self._head = head
        self._piece = piece
        self._pause_seconds = pause_seconds

    def __call__(self, connection: socket.socket) -> None:
        end = time.monotonic() + SERVED_SECONDS
        with suppress(OSError):
            connection.sendall(self._head)
            while time.monotonic() < end:
                connection.sendall(self._piece or _hung_up(connection))
                time.sleep(self._pause_seconds)
        connection.close()


def _hung_up(connection: socket.socket) -> bytes:
    connection.settimeout(SERVED_SECONDS)
    connection.recv(1)
    raise ConnectionAbortedError


def bomb(megabytes: int) -> bytes:
    """Compress zeros, a thousand to one."""
    squeeze = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    million = b"0" * 1_000_000
    return b"".join([squeeze.compress(million) for _ in range(megabytes)]) + squeeze.flush()


def _filled(begin: bytes, piece: bytes, end: bytes) -> Answer:
    """A whole page as large as may be."""
    times = (ANSWER_BYTES_MAX - len(begin) - len(end)) // len(piece) - 1
    return http_answer(begin + piece * times + piece.rstrip(b",") + end)


_BOMB = bomb(300)
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
_GZIP_HEAD = gzip.compress(b"")[:10]

CUT: Mapping[str, tuple[Answer, str]] = {
    "a gzip bomb: 300 kB that become 300 MB": (http_answer(_BOMB, headers=["Content-Encoding: gzip"]), "too_large"),
    "a gzip bomb inside gzip": (http_answer(gzip.compress(_BOMB), headers=["Content-Encoding: gzip"]), "malformed"),
    "a bomb twice encoded": (http_answer(gzip.compress(_BOMB), headers=["Content-Encoding: gzip, gzip"]), "malformed"),
    "a deflate bomb, though only gzip was asked for": (
        http_answer(zlib.compress(b"0" * 50_000_000), headers=["Content-Encoding: deflate"]),
        "malformed",
    ),
    "gzip that goes on without giving a byte": (
        Endless(OK + b"Content-Encoding: gzip\r\n\r\n" + _GZIP_HEAD, _EMPTY_BLOCK * 10_000),
        "too_large or timeout",
    ),
    "a body without end": (Endless(OK + b"\r\n", b" " * 65_536), "too_large"),
    "a body of 10^19 bytes": (Endless(OK + b"Content-Length: 9%s\r\n\r\n" % (b"0" * 18), b" " * 65_536), "too_large"),
    "chunks without end": (Endless(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"), "too_large"),
    "chunks of one byte without end": (Endless(CHUNKED, b"1\r\n \r\n" * 5_000), "too_large or timeout"),
    "a chunk whose size has no end": (Endless(CHUNKED, b"1" * 10_000), "malformed"),
    "a chunk's extension without end": (Endless(CHUNKED + b"1;", b"x" * 10_000), "connection"),
    "trailers without end": (Endless(CHUNKED + b"2\r\n[]\r\n0\r\n", b"A: b\r\n" * 5_000), "connection"),
    "headers without end": (Endless(OK, b"A: b\r\n" * 1_000), "connection"),
    "a header without end": (Endless(OK + b"A: ", b"b" * 10_000), "connection"),
    "a status line without end": (Endless(b"HTTP/1.1 200 ", b"b" * 10_000), "connection"),
    "100 Continue without end": (Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000), "connection"),
    "a byte now and then": (Endless(OK + b"Content-Length: 5000\r\n\r\n", b"[", 0.1), "timeout"),
    "a header's byte now and then": (Endless(OK, b"a", 0.1), "timeout"),
    "half a body, then silence": (Endless(OK + b"Content-Length: 5000\r\n\r\n[", b""), "timeout"),
    "silence": (Endless(b"", b""), "timeout"),
}
"""Given up before they are whole, each with its failure's cause."""

PARSED: Mapping[str, tuple[Answer, str]] = {
    "100,000 brackets": (http_answer(b"[" * 100_000 + b"]" * 100_000), "Failure malformed"),
    "a page of brackets": (_filled(b"", b"[", b""), "Failure malformed"),
    "a page of five million zeros": (_filled(b'{"value":[', b"0,", b"]}"), "Failure too_large"),
    "a page of a million objects": (_filled(b'{"value":[', b'{"":0},', b"]}"), "Failure too_large"),
    "100,000 records of nothing": (http_answer(b'{"value":[' + b"{}," * 99_999 + b"{}]}"), "ListingPage"),
    "a number of ten million digits": (_filled(b'{"value":', b"9", b"}"), "Failure malformed"),
    "a text of ten megabytes": (_filled(b'{"value":[{"ListingKey":"', b"x", b'"}]}'), "ListingPage"),
    "Link headers of 60 kB": (
        http_answer(b'{"value":[]}', headers=[f"Link: {',' * 6_000}"] * 10),
        "ListingPage",
    ),
}
"""Read whole, as large as may be, each with what becomes of it."""
