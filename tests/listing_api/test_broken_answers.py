import gzip
import socket
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prograde.domain.outcome import Denied, Failure, ListingPage, Outcome, Refusal, Refused, Throttled
from tests.listing_api.answering_server import Answer, AnsweringServer, http_answer
from tests.listing_api.calls import LIMIT, PAGE, fetch_one, listing_source, sends_and_closes
from tests.listing_api.source_texts import page_request

pytestmark = pytest.mark.both_ways

GZIPPED = gzip.compress(PAGE)
AS_GZIP = ["Content-Encoding: gzip"]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_PAGE = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (PAGE[:5], len(PAGE) - 5, PAGE[5:])
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
BOMB = gzip.compress(b"[" + b"0," * 5_000_000 + b"0]")


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


WHOLE: dict[str, Answer] = {
    "plain": http_answer(PAGE),
    "gzip": http_answer(GZIPPED, headers=AS_GZIP),
    "gzip by its old name": http_answer(GZIPPED, headers=["Content-Encoding: X-GZIP"]),
    "identity": http_answer(PAGE, headers=["Content-Encoding: identity"]),
    "another 2xx": http_answer(PAGE, "203 Non-Authoritative Information"),
    "chunked": CHUNKED + CHUNKED_PAGE,
    "after a 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer(PAGE),
    "until the connection closes": sends_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE),
}

BROKEN: dict[str, tuple[Answer, str]] = {
    "nothing": (sends_and_closes(b""), "connection"),
    "a reset": (resets, "connection"),
    "no HTTP": (sends_and_closes(b"SSH-2.0-x\r\n"), "connection"),
    "too many headers": (sends_and_closes(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), "connection"),
    "a header without end": (sends_and_closes(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000), "connection"),
    "less than its length": (sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PAGE), "cut_short"),
    "a chunk cut": (sends_and_closes(CHUNKED + b"5\r\n{"), "cut_short"),
    "a chunk without a size": (sends_and_closes(CHUNKED + b"zz\r\n{"), "malformed"),
    "a chunk of negative size": (sends_and_closes(CHUNKED + b"-5\r\n{"), "malformed"),
    "gzip cut": (http_answer(GZIPPED[:-10], headers=AS_GZIP), "cut_short"),
    "JSON cut": (sends_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE[:-3]), "malformed"),
    "gzip that is none": (http_answer(PAGE, headers=AS_GZIP), "malformed"),
    "gzip and something more": (http_answer(GZIPPED + b"x", headers=AS_GZIP), "malformed"),
    "an encoding not asked for": (http_answer(PAGE, headers=["Content-Encoding: br"]), "malformed"),
    "HTML with status 200": (http_answer(b"<html>busy</html>", headers=["Content-Type: text/html"]), "malformed"),
    "an empty body": (http_answer(b""), "malformed"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "malformed"),
    "NaN": (http_answer(b'{"value":[{"ClosePrice":NaN}]}'), "malformed"),
    "half a surrogate pair": (http_answer(b'{"value":["\\ud800"]}'), "malformed"),
    "no UTF-8": (http_answer(b'{"value":["\xff"]}'), "malformed"),
    "nesting without end": (http_answer(b"[" * 50_000), "malformed"),
    "nesting too deep": (http_answer(b'{"value":' + b"[" * 2_000 + b"]" * 2_000 + b"}"), "malformed"),
    "an object for a list": (http_answer(b'{"value":{}}'), "malformed"),
    "an error with status 200": (http_answer(b'{"error":{"message":"busy"}}'), "malformed"),
    "too large": (http_answer(b" " * (LIMIT + 1)), "too_large"),
    "a gzip bomb": (http_answer(BOMB, headers=AS_GZIP), "too_large"),
    "status 500": (http_answer(b"", "500 Internal Server Error"), "server_error"),
    "status 408": (http_answer(b"", "408 Request Timeout"), "server_error"),
}

REMEDY = "it was asked with LISTING_TOKEN: set that right, then resume the batch"
CUT = b"Content-Length: 900\r\n\r\ncut"
REFUSED: dict[str, tuple[bytes, Outcome]] = {
    "429": (b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\n" + CUT, Throttled(3.0)),
    "503 with Retry-After": (
        b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Encoding: gzip\r\n" + CUT,
        Throttled(3.0),
    ),
    "401": (b"HTTP/1.1 401 No\r\n" + CUT, Denied(f"status 401; {REMEDY}")),
    "404": (b"HTTP/1.1 404 No\r\n" + CUT, Refused(Refusal.NOT_FOUND, "status 404")),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_page_is_read_however_it_is_wrapped(name: str) -> None:
    outcome, exchange = fetch_one(WHOLE[name])

    assert isinstance(outcome, ListingPage)
    assert PAGE == exchange.body


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_on_the_way_is_a_transient_failure_with_a_stable_cause(name: str) -> None:
    answer, cause = BROKEN[name]

    outcome, exchange = fetch_one(answer)

    assert isinstance(outcome, Failure)
    assert (cause, False) == (outcome.cause, outcome.is_terminal)
    assert len(exchange.body) <= LIMIT


@pytest.mark.parametrize("name", REFUSED)
def test_a_status_that_refuses_counts_even_where_its_body_is_broken(name: str) -> None:
    sent, expected = REFUSED[name]

    outcome, _ = fetch_one(sends_and_closes(sent))

    assert expected == outcome


def test_a_bomb_is_cut_while_it_is_unpacked() -> None:
    tracemalloc.start()
    try:
        _, exchange = fetch_one(http_answer(BOMB, headers=AS_GZIP))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert LIMIT == len(exchange.body)
    assert exchange.body.startswith(b"[0,0,")
    assert peak_bytes < 20 * LIMIT


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\n", LONG, CHUNKED])
def test_an_answer_that_drips_is_cut_when_the_whole_is_late(head: bytes) -> None:
    def drips(connection: socket.socket) -> None:
        connection.sendall(head)
        while not server.is_stopping:
            connection.sendall(b"1\r\nx\r\n" if head is CHUNKED else b"X")
            server.wait(0.05)

    with AnsweringServer(drips) as server, listing_source(server.origin, read_timeout_seconds=0.4) as listings:
        started = time.monotonic()
        outcome, _ = listings.fetch(page_request())
        took = time.monotonic() - started

    assert isinstance(outcome, Failure)
    assert ("timeout", False) == (outcome.cause, outcome.is_terminal)
    assert 0.35 < took < 1.5


def test_an_answer_that_never_begins_is_cut_however_much_arrives() -> None:
    def floods(connection: socket.socket) -> None:
        while not server.is_stopping:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with AnsweringServer(floods) as server, listing_source(server.origin, read_timeout_seconds=0.3) as listings:
        outcome, _ = listings.fetch(page_request())

    assert isinstance(outcome, Failure)
    assert "connection" == outcome.cause


def test_what_arrives_does_not_start_the_time_anew() -> None:
    def stalls(connection: socket.socket) -> None:
        server.wait(1.2)
        connection.sendall(LONG)
        server.wait(5)

    with AnsweringServer(stalls) as server, listing_source(server.origin, read_timeout_seconds=1.5) as listings:
        started = time.monotonic()
        outcome, _ = listings.fetch(page_request())
        took = time.monotonic() - started

    assert isinstance(outcome, Failure)
    assert "timeout" == outcome.cause
    assert took < 2.6


def test_after_a_late_answer_the_next_call_does_not_read_its_rest() -> None:
    def late(connection: socket.socket) -> None:
        server.wait(1.5)
        connection.sendall(http_answer(b'{"value":["stale"]}'))

    with AnsweringServer(late, http_answer(PAGE)) as server:
        with listing_source(server.origin, read_timeout_seconds=1.0) as listings:
            first, _ = listings.fetch(page_request())
            second, exchange = listings.fetch(page_request())

        assert isinstance(first, Failure)
        assert isinstance(second, ListingPage)
        assert PAGE == exchange.body
        assert 2 == server.connections


@settings(max_examples=60)
@given(
    st.binary(max_size=300)
    | st.builds(
        lambda status, header, body: b"HTTP/1.1 %d X\r\n%b\r\n\r\n%b" % (status, header, body),
        st.integers(0, 1_200),
        st.sampled_from(
            [
                b"Content-Length: 5",
                b"Content-Length: x",
                b"Transfer-Encoding: chunked",
                b"A",
                b": b",
                b"Location: http://[",
            ]
        )
        | st.binary(max_size=50),
        st.binary(max_size=100) | st.just(b"5\r\n[]   \r\n0\r\n\r\n"),
    )
)
def test_any_bytes_are_an_outcome(sent: bytes) -> None:
    outcome, exchange = fetch_one(sends_and_closes(sent))

    assert isinstance(outcome, Failure | Refused | Denied | Throttled)
    assert len(exchange.body) <= len(sent)
