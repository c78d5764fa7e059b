import re
from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.domain.outcome import Denied, Failure, ListingPage, Refused
from tests.listing_api.answering_server import AnsweringServer, http_answer
from tests.listing_api.calls import PAGE, CountingGate, FixedClock
from tests.listing_api.source_texts import ENV, TOKEN, page_request, source

ENCODED = "t0p%2Fsecret%2Btoken%3D%3D"
USER, PASSWORD = "ann@example.com", "pass/word+=1"
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()

BEARER = {"type": "bearer", "token": "${env:LISTING_TOKEN}"}
QUERY = {"type": "api_key", "location": "query", "name": "access token", "value": "${env:LISTING_TOKEN}"}
HEADER = {"type": "api_key", "location": "header", "name": "X-Api-Key", "value": "${env:LISTING_TOKEN}"}
HTTP_BASIC = {"type": "http_basic", "username": "${env:LISTING_USER}", "password": "${env:LISTING_PASSWORD}"}
ENVIRONMENT = {**ENV, "LISTING_USER": USER, "LISTING_PASSWORD": PASSWORD, "OTHER": "another secret"}
SPELLINGS = [TOKEN, ENCODED, ENCODED.lower(), TOKEN.replace("/", "\\/"), USER, PASSWORD, "ann%40example.com", BASIC]


def listings(origin: str, auth: object, changes: Mapping[str, object] = MappingProxyType({})) -> HttpListingSource:
    loaded = source({"client.base_url": f"{origin}/api", "client.auth": auth, **changes}, ENVIRONMENT)
    return HttpListingSource(loaded, CountingGate(), FixedClock())


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (BEARER, f"Authorization: Bearer {TOKEN}"),
        (HEADER, f"X-Api-Key: {TOKEN}"),
        (HTTP_BASIC, f"Authorization: Basic {BASIC}"),
    ],
    ids=["bearer", "api_key", "http_basic"],
)
def test_credentials_travel_in_a_header_and_not_in_the_url(auth: object, expected: str) -> None:
    with AnsweringServer(http_answer(PAGE)) as server, listings(server.origin, auth) as opened:
        outcome, exchange = opened.fetch(page_request())
        line, *headers = server.requests[0].split("\r\n")

    assert isinstance(outcome, ListingPage)
    assert expected in headers
    assert not [spelling for spelling in SPELLINGS if spelling in line + repr(exchange)]


@pytest.mark.parametrize("cursor", [None, "/api/Property?$skip=50", "/api/Property"])
def test_a_key_in_the_query_is_sent_with_each_call_and_is_in_no_stored_url(cursor: str | None) -> None:
    with AnsweringServer(http_answer(PAGE)) as server, listings(server.origin, QUERY) as opened:
        _, exchange = opened.fetch(page_request(cursor=cursor))
        line = server.requests[0].split("\r\n")[0]

    assert 1 == line.count(f"access%20token={ENCODED}")
    assert "access" not in exchange.url
    assert not cursor or exchange.url.endswith(cursor)
    assert "secret" not in repr(exchange)


@pytest.mark.parametrize("spelt", [ENCODED, ENCODED.lower(), TOKEN.replace("+", "%2B"), "%28hidden%29", ""])
def test_a_key_that_the_api_gives_back_in_its_next_link_is_sent_once_and_never_stored(spelt: str) -> None:
    def page(link: str) -> bytes:
        return http_answer(b'{"value":[],"@odata.nextLink":"%b"}' % link.encode())

    link = f"Property?access%20token={spelt}&$skip=50"
    with AnsweringServer(page(link), http_answer(PAGE)) as server, listings(server.origin, QUERY) as opened:
        first, exchange = opened.fetch(page_request())
        assert isinstance(first, ListingPage)
        opened.fetch(page_request(cursor=first.next_cursor))
        line = server.requests[1].split("\r\n")[0]

    assert "/api/Property?$skip=50" == first.next_cursor
    assert f"GET /api/Property?$skip=50&access%20token={ENCODED} HTTP/1.1" == line
    assert not [spelling for spelling in SPELLINGS if spelling in repr((first, exchange))]


@pytest.mark.parametrize("auth", [BEARER, QUERY, HEADER, HTTP_BASIC], ids=["bearer", "query", "header", "basic"])
def test_credentials_that_the_api_repeats_are_hidden_in_whatever_is_kept(auth: object) -> None:
    said = " and ".join([TOKEN, ENCODED, ENCODED.lower()] if auth is not HTTP_BASIC else [USER, PASSWORD, BASIC])
    body = b'{"error":{"message":"%b"}}' % said.encode()
    answers = [http_answer(body, status, [f"Link: <https://x/?a={said}>"]) for status in ("401 No", "400 No", "200 OK")]

    with AnsweringServer(*answers) as server, listings(server.origin, auth) as opened:
        kept = [opened.fetch(page_request()) for _ in answers]

    assert isinstance(kept[0][0], Denied)
    said, _, remedy = kept[0][0].detail.partition("; ")
    assert "status 401: (hidden) and (hidden) and (hidden)" == said
    assert re.fullmatch(r"it was asked with [A-Z_]+( and [A-Z_]+)?: set that right, then resume the batch", remedy)
    assert isinstance(kept[1][0], Refused)
    assert not [spelling for spelling in SPELLINGS if spelling in repr(kept)]
    assert not [spelling for spelling in SPELLINGS if spelling in repr(vars(opened))]


@pytest.mark.parametrize(
    ("paginator", "headers", "body"),
    [
        ({"type": "header_link"}, [f'Link: </api/x?q=x{ENCODED}>; rel="next"'], b'{"value":[]}'),
        ({"type": "json_link", "next_url_path": "next"}, [], b'{"value":[],"next":"/api/x/%b"}' % ENCODED.encode()),
        (
            {"type": "cursor", "cursor_path": "next", "cursor_param": "a"},
            [],
            b'{"value":[],"next":"x%b"}' % TOKEN.encode(),
        ),
    ],
    ids=["header_link", "json_link", "cursor"],
)
def test_no_cursor_holds_a_secret(paginator: object, headers: list[str], body: bytes) -> None:
    answer = http_answer(body, headers=headers)
    changes = {"stages.historical.paginator": paginator}
    with AnsweringServer(answer) as server, listings(server.origin, BEARER, changes) as opened:
        outcome, exchange = opened.fetch(page_request())

    assert isinstance(outcome, Failure)
    assert ("secret_in_cursor", True) == (outcome.cause, outcome.is_terminal)
    assert not [spelling for spelling in SPELLINGS if spelling in repr((outcome, exchange))]


def credential(auth: object, changes: Mapping[str, object] = MappingProxyType({})) -> str:
    return source({"client.auth": auth, **changes}, ENVIRONMENT).credential


def test_a_credential_is_what_the_provider_counts_by() -> None:
    key = "${env:LISTING_TOKEN}"
    counted = [
        credential(BEARER),
        credential(BEARER, {"client.base_url": "https://api.example.com:8443/reso/odata"}),
        credential(HEADER),
        credential(QUERY),
        credential(HTTP_BASIC),
        credential({**BEARER, "token": "${env:OTHER}"}),
        credential(None),
        credential(None, {"client.headers": {"X-RapidAPI-Key": key}}),
        credential(None, {"client.headers": {"X-RapidAPI-Key": "${env:OTHER}"}}),
    ]

    assert len(counted) == len(set(counted))
    assert all(64 == len(digest) and int(digest, 16) for digest in counted)


def test_what_the_provider_does_not_count_by_leaves_the_credential_alone() -> None:
    assert credential(BEARER) == credential(BEARER, {"client.base_url": "https://api.example.com/other"})
    assert credential(BEARER) == credential(BEARER, {"name": "other"})
    assert credential(BEARER) == credential(BEARER, {"client.headers": {"Accept": "x"}})
    assert credential(BEARER) == credential(BEARER, {"rate_limits": [{"limit": 1, "interval": "PT1M"}]})
    assert credential(None) == credential(None, {"client.headers": {"Accept": "x"}})
    upper, lower = ({"client.headers": {name: "${env:OTHER}"}} for name in ("X-KEY", "x-key"))
    assert credential(None, upper) == credential(None, lower)


def test_who_is_refused_without_credentials_is_told_that_there_are_none() -> None:
    with AnsweringServer(http_answer(b"", "401 No")) as server, listings(server.origin, None) as opened:
        outcome, _ = opened.fetch(page_request())

    assert isinstance(outcome, Denied)
    assert outcome.detail.endswith("without credentials: write client.auth into the source file, and start a new batch")
