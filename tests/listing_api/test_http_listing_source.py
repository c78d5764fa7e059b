import json
import socket
import threading
import time
from datetime import datetime, timedelta

import pytest

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.domain.outcome import Failure, ListingPage, NotFound, ProfilePage, Refusal, Refused
from prograde.domain.professional import Stage
from prograde.errors import InterruptedCallError
from tests.listing_api.answering_server import AnsweringServer, http_answer
from tests.listing_api.calls import PAGE, CountingGate, FixedClock, fetch_one, listing_source, sends_and_closes
from tests.listing_api.source_texts import NOW, TOKEN, page_request, source

pytestmark = pytest.mark.both_ways


class ClosedGate:
    def pass_one(self, share: float = 1.0) -> datetime:
        raise InterruptedCallError("shutting down")


def test_a_page_is_fetched_with_everything_that_was_asked_and_answered() -> None:
    headers = [
        "Content-Type: application/json",
        "Set-Cookie: a=b",
        "X-RateLimit-Left: 7",
        "Hour-Quota-Limit: 9",
        "Via: x",
    ]

    outcome, exchange = fetch_one(http_answer(PAGE, headers=headers))

    assert isinstance(outcome, ListingPage)
    assert (1, None, True) == (len(outcome.records), outcome.next_cursor, outcome.is_newest_first)
    assert exchange.url.startswith("http://127.0.0.1:")
    assert "/reso/odata/Property?$filter=ListAgentKey%20eq%20'K1'" in exchange.url
    assert (200, PAGE, NOW + timedelta(seconds=1)) == (exchange.status, exchange.body, exchange.sent_at)
    assert (
        ("content-type", "application/json"),
        ("hour-quota-limit", "9"),
        ("x-ratelimit-left", "7"),
    ) == exchange.headers
    assert exchange.latency_ms > 0


def test_a_call_says_who_asks_and_takes_gzip() -> None:
    with AnsweringServer(http_answer(PAGE)) as server:
        with listing_source(server.origin, headers={"accept": "application/json;odata=x", "X-Two": "2"}) as listings:
            listings.fetch(page_request())
        (head,) = server.requests

    lines = head.lower().split("\r\n")
    assert f"authorization: bearer {TOKEN}".lower() in lines
    assert "accept-encoding: gzip" in lines
    assert ["accept: application/json;odata=x"] == [line for line in lines if line.startswith("accept:")]
    assert [line for line in lines if line.startswith("user-agent: prograde/")]
    assert "x-two: 2" in lines


def test_every_call_passes_the_gate_once_and_its_connection_is_used_again() -> None:
    gate = CountingGate()
    with AnsweringServer(http_answer(PAGE)) as server:
        loaded = source({"client.base_url": f"{server.origin}/reso/odata"})
        with HttpListingSource(loaded, gate, FixedClock()) as listings:
            sent = [listings.fetch(page_request())[1].sent_at for _ in range(3)]

        assert (3, 3, 1) == (len(server.requests), gate.passed, server.connections)
    assert [NOW + timedelta(seconds=number) for number in (1, 2, 3)] == sent


def test_a_connection_is_there_before_the_gate_is_passed() -> None:
    with AnsweringServer(http_answer(PAGE)) as server:

        class WatchingGate(CountingGate):
            def pass_one(self, share: float = 1.0) -> datetime:
                deadline = time.monotonic() + 5
                while server.connections == 0 and time.monotonic() < deadline:
                    time.sleep(0.001)
                self.connections_seen = server.connections
                self.requests_seen = len(server.requests)
                return super().pass_one(share)

        gate = WatchingGate()
        loaded = source({"client.base_url": f"{server.origin}/reso/odata"})
        with HttpListingSource(loaded, gate, FixedClock()) as listings:
            listings.fetch(page_request())

    assert (1, 0) == (gate.connections_seen, gate.requests_seen)


def test_a_call_interrupted_at_the_gate_is_not_made() -> None:
    with AnsweringServer(http_answer(PAGE)) as server:
        loaded = source({"client.base_url": f"{server.origin}/reso/odata"})
        with HttpListingSource(loaded, ClosedGate(), FixedClock()) as listings, pytest.raises(InterruptedCallError):
            listings.fetch(page_request())

        assert [] == server.requests


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    with AnsweringServer(sends_and_closes(http_answer(PAGE))) as server, listing_source(server.origin) as listings:
        for _ in range(3):
            outcome, _ = listings.fetch(page_request())
            assert isinstance(outcome, ListingPage)
            time.sleep(0.05)


def test_a_connection_that_is_lost_at_the_gate_is_replaced() -> None:
    held: list[socket.socket] = []

    def holds(connection: socket.socket) -> None:
        held.append(connection)
        connection.sendall(http_answer(PAGE))

    class SlowGate(CountingGate):
        def pass_one(self, share: float = 1.0) -> datetime:
            if held:
                held.pop().shutdown(socket.SHUT_RDWR)
                time.sleep(0.05)
            return super().pass_one(share)

    with AnsweringServer(holds) as server:
        loaded = source({"client.base_url": f"{server.origin}/reso/odata"})
        with HttpListingSource(loaded, SlowGate(), FixedClock()) as listings:
            outcomes = [listings.fetch(page_request())[0] for _ in range(2)]

        assert 2 == server.connections
    assert all(isinstance(outcome, ListingPage) for outcome in outcomes)


def test_no_more_calls_are_in_flight_than_the_concurrency_allows() -> None:
    in_flight: list[int] = []
    counter = threading.Semaphore(0)
    lock = threading.Lock()
    open_now = 0

    def slow(connection: socket.socket) -> None:
        nonlocal open_now
        with lock:
            open_now += 1
            in_flight.append(open_now)
        counter.acquire(timeout=0.05)
        with lock:
            open_now -= 1
        connection.sendall(http_answer(PAGE))

    with AnsweringServer(slow) as server, listing_source(server.origin, concurrency=2) as listings:
        threads = [threading.Thread(target=listings.fetch, args=(page_request(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 8 == len(server.requests)
    assert 2 == max(in_flight)


def test_pages_are_followed_by_link_and_by_number() -> None:
    linked = b'{"value":[],"@odata.nextLink":"Property?$skiptoken=x y"}'
    numbered = b'{"data":{"items":[]},"meta":{"pages":1}}'

    outcome, _ = fetch_one(http_answer(linked))
    _, exchange = fetch_one(http_answer(linked), request=page_request(cursor="/reso/odata/Property?$skiptoken=a%20b"))
    last, numbered_exchange = fetch_one(http_answer(numbered), request=page_request(Stage.ACTIVE))

    assert ListingPage((), "/reso/odata/Property?$skiptoken=x%20y", is_newest_first=True) == outcome
    assert exchange.url.endswith("/reso/odata/Property?$skiptoken=a%20b")
    assert ListingPage((), None) == last
    assert numbered_exchange.url.endswith("/reso/odata/agents/K1/active?size=50&page=1")


def test_a_cursor_in_the_body_is_posted_page_after_page() -> None:
    changes = {
        "stages.historical.path": "search",
        "stages.historical.params": {"v": 2},
        "stages.historical.method": "POST",
        "stages.historical.json": {"agent": "{agent_key}", "until": "{as_of}", "page": {"size": 2}},
        "stages.historical.paginator": {"type": "cursor", "cursor_path": "next", "cursor_body_path": "page.after"},
    }
    answers = [http_answer(b'{"value":[],"next":%b}' % token) for token in (b"17", b'"x"', b"null")]
    with AnsweringServer(*answers) as server:
        loaded = source({"client.base_url": f"{server.origin}/api", **changes})
        with HttpListingSource(loaded, CountingGate(), FixedClock()) as listings:
            cursors = pages_of(listings, 3)

        assert [None, "17", '"x"'] == cursors
        assert 1 == server.connections
        pages: list[dict[str, object]] = [{"size": 2}, {"size": 2, "after": 17}, {"size": 2, "after": "x"}]
        posted = [{"agent": "K1", "until": "2026-11-20", "page": page} for page in pages]
        assert posted == [json.loads(body) for body in server.bodies]
        assert all(head.startswith("POST /api/search?v=2 HTTP/1.1") for head in server.requests)
        assert all("Content-Type: application/json" in head.split("\r\n") for head in server.requests)


def test_a_link_header_is_followed_page_after_page() -> None:
    links = [
        ['Link: </api/Property/replication?next=a,b>; rel="next"', "Link: </x>; rel=first"],
        ["Link: </x>; rel=first"],
    ]
    with AnsweringServer(*(http_answer(PAGE, headers=headers) for headers in links)) as server:
        loaded = source(
            {"client.base_url": f"{server.origin}/api", "stages.historical.paginator": {"type": "header_link"}}
        )
        with HttpListingSource(loaded, CountingGate(), FixedClock()) as listings:
            cursors = pages_of(listings, 2)

        assert [None, "/api/Property/replication?next=a,b"] == cursors
        assert server.requests[1].startswith("GET /api/Property/replication?next=a,b HTTP/1.1")


def test_a_request_without_a_body_says_nothing_of_one() -> None:
    with AnsweringServer(http_answer(PAGE)) as server, listing_source(server.origin) as listings:
        listings.fetch(page_request())

        assert "content-" not in server.requests[0].lower()


def pages_of(listings: HttpListingSource, count: int) -> list[str | None]:
    """Read all pages, and give the cursors that they were asked for by."""
    cursors: list[str | None] = [None]
    while True:
        outcome, _ = listings.fetch(page_request(cursor=cursors[-1]))
        assert isinstance(outcome, ListingPage)
        if outcome.next_cursor is None:
            return cursors
        cursors.append(outcome.next_cursor)
        assert len(cursors) <= count


def test_a_profile_is_read_and_nobody_is_not_found() -> None:
    request = page_request(Stage.PROFILE)

    found, _ = fetch_one(http_answer(b'{"value":[{"MemberKey":"K1","MemberLastName":"Lee"}]}'), request=request)
    empty, _ = fetch_one(http_answer(b'{"value":[]}'), request=request)
    missing, _ = fetch_one(http_answer(b"", "404 Not Found"), request=request)

    assert isinstance(found, ProfilePage)
    assert ("K1", "Lee") == (found.profile.agent_key, found.profile.last_name)
    assert (NotFound(), Refused(Refusal.NOT_FOUND, "status 404")) == (empty, missing)


def test_a_source_that_is_down_is_a_failure_that_passed_the_gate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gate = CountingGate()
    loaded = source({"client.base_url": f"http://127.0.0.1:{port}/reso/odata"})

    with HttpListingSource(loaded, gate, FixedClock()) as listings:
        outcome, exchange = listings.fetch(page_request())

    assert Failure("connection", "nobody answers at the host's address") == outcome
    assert (1, 0, b"", ()) == (gate.passed, exchange.status, exchange.body, exchange.headers)


def test_a_server_that_speaks_no_tls_is_a_failure() -> None:
    with AnsweringServer(http_answer(PAGE)) as server:
        loaded = source({"client.base_url": f"https://127.0.0.1:{server.port}", "client.connect_timeout_seconds": 0.5})
        with HttpListingSource(loaded, CountingGate(), FixedClock()) as listings:
            outcome, _ = listings.fetch(page_request())

    assert isinstance(outcome, Failure)
    assert outcome.cause in ("tls", "timeout")


def test_a_redirect_is_not_followed() -> None:
    with AnsweringServer(http_answer(PAGE)) as elsewhere:
        moved = http_answer(b"", "302 Found", [f"Location: {elsewhere.origin}/reso/odata/Property"])
        outcome, _ = fetch_one(moved)

        assert [] == elsewhere.requests
    assert isinstance(outcome, Refused)
    assert Refusal.REDIRECT is outcome.kind
    assert elsewhere.origin in outcome.detail


def test_a_next_link_to_another_origin_is_refused() -> None:
    outcome, _ = fetch_one(
        http_answer(b'{"value":[],"@odata.nextLink":"http://127.0.0.2/reso/odata/Property?$skip=1"}')
    )

    assert isinstance(outcome, Failure)
    assert ("foreign_link", True) == (outcome.cause, outcome.is_terminal)
