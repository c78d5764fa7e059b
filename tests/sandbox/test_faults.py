import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import chain

import pytest
import urllib3

from prograde.sandbox import (
    FAULT_SOURCES,
    FaultProfile,
    Market,
    RateLimit,
    SandboxServer,
    fault_sources,
    seeded_market,
)
from prograde.sandbox.fault import Fault
from prograde.sandbox.retry_hints import ABSURD_SECONDS, RetryHint, hint_headers
from prograde.sandbox.wire_faults import DRIP_PAUSE_SECONDS, DRIP_SECONDS_MAX
from tests.sandbox.client import ask, calling

FAULTS = {fault.kind: fault for fault in chain.from_iterable(source.faults for source in FAULT_SOURCES.values())}
MOMENT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
MEMBERS = "/reso/odata/Member?$top=5"


@pytest.fixture(scope="module")
def market() -> Market:
    """A small one: every test builds a server of its own."""
    return seeded_market(agents=6, seed=7, as_of=date(2026, 11, 20))


@contextmanager
def serving(market: Market, kind: str) -> Iterator[SandboxServer]:
    """A server that spoils every first answer for a URL in this way."""
    with SandboxServer(market, faults=[always(FAULTS[kind])]) as server:
        yield server


def always(fault: Fault) -> FaultProfile:
    return FaultProfile("always", "", (fault,), share=1, in_a_row_max=1)


def fetch(server: SandboxServer) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
    """Make one call with the client library that the pipeline stands on."""
    with urllib3.PoolManager(retries=False) as pool:
        headers = {"Authorization": "Bearer sandbox"}
        response = pool.request("GET", f"{server.base_url}{MEMBERS}", headers=headers, timeout=10)
        return response.status, response.headers, response.data


def read_to_the_end(server: SandboxServer) -> bytes:
    with calling(server, MEMBERS) as connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("kind", sorted(kind for kind in FAULTS if "drip" not in kind))
def test_every_fault_is_counted_by_kind_and_the_next_answer_is_good(market: Market, kind: str) -> None:
    with SandboxServer(market) as untroubled:
        good = ask(f"{untroubled.base_url}{MEMBERS}").body["value"]
    with serving(market, kind) as server:
        with calling(server, MEMBERS) as connection:
            try:
                while connection.recv(65_536):
                    pass
            except ConnectionResetError:
                assert kind.startswith("reset")
        second = ask(f"{server.base_url}{MEMBERS}")

        assert (200, good) == (second.status, second.body["value"])
        assert {kind: 1} == server.stats().faults


@pytest.mark.parametrize("status", [429, 503, 403])
def test_throttling_refuses_in_the_standards_shape_and_keeps_the_connection(market: Market, status: int) -> None:
    with serving(market, f"throttled_{status}_seconds") as server:
        connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=10)
        connection.connect()
        first_socket = connection.sock
        answers = []
        for _ in range(2):
            connection.request("GET", MEMBERS, headers={"Authorization": "Bearer sandbox"})
            response = connection.getresponse()
            answers.append((response.status, response.headers["Retry-After"], json.loads(response.read())))
        assert connection.sock is first_socket
        connection.close()

    assert (status, "1", str(status)) == (*answers[0][:2], answers[0][2]["error"]["code"])
    assert (200, None) == answers[1][:2]


@pytest.mark.parametrize(
    ("hint", "headers"),
    [
        (RetryHint.SECONDS, {"Retry-After": "3"}),
        (RetryHint.DATE, {"Retry-After": "Fri, 20 Nov 2026 12:00:03 GMT"}),
        (RetryHint.ZERO, {"Retry-After": "0"}),
        (RetryHint.NEGATIVE, {"Retry-After": "-5"}),
        (RetryHint.ABSURD, {"Retry-After": str(ABSURD_SECONDS)}),
        (RetryHint.MISSING, {}),
        (
            RetryHint.RESET_EPOCH_S,
            {"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": "1795176003"},
        ),
        (RetryHint.RESET_EPOCH_MS, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795176002650"}),
        (
            RetryHint.RESET_ISO,
            {"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": "2026-11-20T12:00:03Z"},
        ),
        (RetryHint.RESET_DELTA, {"RateLimit-Remaining": "0", "RateLimit-Reset": "3"}),
        (RetryHint.RATELIMIT, {"RateLimit": '"default";r=0;t=3'}),
    ],
)
def test_a_hint_is_worded_as_listing_apis_word_it(hint: RetryHint, headers: dict[str, str]) -> None:
    assert headers == dict(hint_headers(hint, 2.4, MOMENT))


def test_a_date_on_the_wire_lies_ahead(market: Market) -> None:
    with serving(market, "throttled_429_date") as server:
        before = datetime.now(UTC)
        _, headers, _ = fetch(server)

    assert 1 <= (parsedate_to_datetime(headers["Retry-After"]) - before).total_seconds() <= 3


def test_throttling_chooses_the_words_of_the_rate_limit_too(market: Market) -> None:
    rates = [RateLimit(1, 3600)]
    with SandboxServer(market, rates=rates, faults=fault_sources("throttling"), seed=1) as server:
        answers = [ask(f"{server.reso_url}/Member?$top={top}") for top in range(1, 60)]
        limited = [answer.headers for answer in answers if answer.status == 429]

        assert server.stats().throttled == 58
    assert {"0", "-5", "3600", str(ABSURD_SECONDS), None} <= {headers["Retry-After"] for headers in limited}
    assert any("RateLimit" in headers for headers in limited)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_bursts_are_server_errors_without_a_hint(market: Market, status: int) -> None:
    with serving(market, f"status_{status}") as server:
        answered, headers, body = fetch(server)

    assert (status, HTTPStatus(status).phrase) == (answered, json.loads(body)["error"]["message"])
    assert "Retry-After" not in headers


def test_a_body_cut_short_has_half_of_the_bytes_promised(market: Market) -> None:
    with serving(market, "cut_short_length") as server:
        head, _, body = read_to_the_end(server).partition(b"\r\n\r\n")
        server.reset()
        with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
            fetch(server)

    promised = re.search(rb"Content-Length: (\d+)", head)
    assert promised
    assert int(promised[1]) // 2 == len(body) > 100


def test_chunks_cut_short_have_no_last_chunk(market: Market) -> None:
    with serving(market, "cut_short_chunks") as server:
        head, _, chunks = read_to_the_end(server).partition(b"\r\n\r\n")
        server.reset()
        with pytest.raises(urllib3.exceptions.ProtocolError):
            fetch(server)

    size, _, rest = chunks.partition(b"\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert int(size, 16) + len(b"\r\n") == len(rest)


def test_a_reset_at_once_sends_no_byte_and_no_orderly_end(market: Market) -> None:
    with serving(market, "reset_at_once") as server, calling(server) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_reset_in_the_body_sends_half_of_it_and_no_orderly_end(market: Market) -> None:
    received = bytearray()
    with suppress(ConnectionResetError), serving(market, "reset_in_body") as server, calling(server, MEMBERS) as caller:
        while piece := caller.recv(65_536):
            received += piece
        pytest.fail("an orderly end")

    promised = re.search(rb"Content-Length: (\d+)", received)
    assert promised
    assert int(promised[1]) // 2 == len(received.partition(b"\r\n\r\n")[2]) > 100


@pytest.mark.parametrize(("kind", "word"), [("html_login", b"password"), ("html_maintenance", b"maintenance")])
def test_html_comes_with_status_200(market: Market, kind: str, word: bytes) -> None:
    with serving(market, kind) as server:
        status, headers, body = fetch(server)

    assert (200, "text/html; charset=utf-8") == (status, headers["Content-Type"])
    assert body.startswith(b"<!DOCTYPE html>")
    assert word in body


def reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


@pytest.mark.parametrize("kind", ["malformed_half", "malformed_nan", "malformed_nesting"])
def test_a_malformed_body_is_announced_as_whole_json_and_is_none(market: Market, kind: str) -> None:
    with serving(market, kind) as server:
        status, headers, body = fetch(server)

    assert (200, str(len(body))) == (status, headers["Content-Length"])
    assert headers["Content-Type"].startswith("application/json")
    with pytest.raises((ValueError, RecursionError)):
        json.loads(body, parse_constant=reject_constant)


def test_nan_is_all_that_is_wrong_with_its_page(market: Market) -> None:
    with serving(market, "malformed_nan") as server:
        page = json.loads(fetch(server)[2])
        good = json.loads(fetch(server)[2])

    assert page.pop("X_Share") != 0
    assert good == page


@pytest.mark.parametrize("kind", ["malformed_types", "malformed_null"])
def test_other_types_are_json_without_a_list_of_records(market: Market, kind: str) -> None:
    with serving(market, kind) as server:
        document = json.loads(fetch(server)[2])
    body = document or {}

    assert (document is None) == (kind == "malformed_null")
    assert not isinstance(body.get("value"), list)
    assert not isinstance(body.get("data", {}).get("items"), list)


@pytest.mark.parametrize(("kind", "is_head_whole"), [("slow_drip_head", False), ("slow_drip_body", True)])
def test_a_slow_drip_sends_a_byte_now_and_then(market: Market, kind: str, *, is_head_whole: bool) -> None:
    received = bytearray()
    with serving(market, kind) as server, calling(server, MEMBERS) as connection:
        deadline = time.monotonic() + 3 * DRIP_PAUSE_SECONDS
        while time.monotonic() < deadline:
            received += connection.recv(1) if is_head_whole and b"\r\n\r\n" not in received else connection.recv(65_536)

    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert 2 <= len(body if is_head_whole else head) <= 5


def test_a_slow_drip_outlasts_a_client_and_ends(market: Market) -> None:
    with SandboxServer(market) as server:
        length = len(json.dumps(ask(f"{server.base_url}{MEMBERS}").body))

    assert length * DRIP_PAUSE_SECONDS > DRIP_SECONDS_MAX > 30


def test_a_client_that_shows_no_token_meets_no_fault(market: Market) -> None:
    with serving(market, "reset_at_once") as server:
        assert ask(f"{server.base_url}{MEMBERS}", token=None).status == 401
        assert server.stats().faults == {}


def test_a_spoilt_call_is_not_in_flight_once_its_answer_leaves(market: Market) -> None:
    with serving(market, "slow_drip_body") as server, calling(server, MEMBERS) as connection:
        connection.recv(1)
        ask(f"{server.base_url}{MEMBERS}")

        assert server.stats().in_flight_max == 1
