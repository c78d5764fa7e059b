"""How answers are framed, and when the connection may serve another call."""

import socket
import time
import zlib
from contextlib import suppress

import pytest

from prograde.adapters.listing_api.http_answer import HttpAnswer
from prograde.domain.outcome import Failure, ListingPage
from tests.listing_api.answering_server import AnsweringServer, http_answer
from tests.listing_api.calls import PAGE, fetch_one, listing_source, sends_and_closes
from tests.listing_api.source_texts import page_request

pytestmark = pytest.mark.both_ways

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%b\r\n0\r\n" % (len(PAGE), PAGE)
KEPT_OPEN = {
    "a length": http_answer(PAGE),
    "chunks": CHUNKED + b"\r\n",
    "chunks with a trailer": CHUNKED + b"Expires: never\r\n\r\n",
    "HTTP/1.0 that keeps it": http_answer(PAGE, headers=["Connection: Keep-Alive"]).replace(b"1.1", b"1.0", 1),
}
USED_UP = {
    "it is to be closed": http_answer(PAGE, headers=["Connection: Close"]),
    "HTTP/1.0": http_answer(PAGE).replace(b"1.1", b"1.0", 1),
    "something follows": http_answer(PAGE) + b"HTTP/1.1 200 OK\r\n",
}
MISFRAMED = {
    "two lengths": (http_answer(PAGE, headers=["Content-Length: 5"]), "connection"),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + PAGE, "connection"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: %d\n\n%b" % (len(PAGE), PAGE), "connection"),
    "a folded header": (http_answer(PAGE, headers=["Link: <a>", " ; rel=next"]), "connection"),
    "a coding not asked for": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "malformed",
    ),
    "no chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "malformed"),
}


def connections_of_two_calls(answer: bytes) -> int:
    with AnsweringServer(answer) as server, listing_source(server.origin) as listings:
        outcomes = [listings.fetch(page_request())[0] for _ in range(2)]
        assert [ListingPage, ListingPage] == [type(outcome) for outcome in outcomes]
        return server.connections


@pytest.mark.parametrize("name", KEPT_OPEN)
def test_after_a_whole_answer_the_connection_serves_the_next_call(name: str) -> None:
    assert 1 == connections_of_two_calls(KEPT_OPEN[name])


@pytest.mark.parametrize("name", USED_UP)
def test_a_connection_that_is_used_up_is_followed_by_another(name: str) -> None:
    assert 2 == connections_of_two_calls(USED_UP[name])


@pytest.mark.parametrize("name", MISFRAMED)
def test_an_answer_whose_end_cannot_be_told_is_a_failure(name: str) -> None:
    answer, cause = MISFRAMED[name]
    outcome, _ = fetch_one(sends_and_closes(answer))

    assert isinstance(outcome, Failure)
    assert cause == outcome.cause


def test_headers_are_joined_where_they_are_repeated() -> None:
    _, exchange = fetch_one(http_answer(PAGE, headers=["Link: <a>", "ETag: x", "link: <b>"]))

    assert {"link": "<a>, <b>", "etag": "x"} == dict(exchange.headers)


def test_what_has_arrived_in_time_is_read_by_who_was_held_up() -> None:
    body = bytes(150_000)
    here, there = socket.socketpair()
    with here, there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * len(body))
        answer = HttpAnswer(here, 0.05)
        there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        time.sleep(0.1)

        assert 200 == answer.head().status
        assert body == b"".join(answer.body())


@pytest.mark.parametrize("framing", ["plain", "chunks that unpack to nothing"])
def test_what_goes_on_coming_is_late_all_the_same(framing: str) -> None:
    def flood(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
        piece = b"x"
        if framing != "plain":
            packed = zlib.compressobj(wbits=31)
            begin = packed.compress(b"") + packed.flush(zlib.Z_FULL_FLUSH)
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            head += b"%x\r\n%b\r\n" % (len(begin), begin)
            nothing = packed.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"
            piece = b"%x\r\n%b\r\n" % (len(nothing), nothing)
        until = time.monotonic() + 3
        with suppress(OSError):
            connection.sendall(head)
            while time.monotonic() < until:
                connection.sendall(piece)
                time.sleep(0.0003)

    with AnsweringServer(flood) as server, listing_source(server.origin, read_timeout_seconds=0.2) as listings:
        began = time.monotonic()
        outcome, _ = listings.fetch(page_request())
        took = time.monotonic() - began

    assert isinstance(outcome, Failure)
    assert "timeout" == outcome.cause
    assert took < 2


def test_what_is_too_large_before_it_is_unpacked_is_cut() -> None:
    packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + 30_000 * b"\x00\x00\x00\xff\xff"

    outcome, _ = fetch_one(http_answer(packed, headers=["Content-Encoding: gzip"]))

    assert isinstance(outcome, Failure)
    assert "too_large" == outcome.cause
