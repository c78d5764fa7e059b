import pytest

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.adapters.listing_api.secret import Redactor, Secret
from prograde.domain.outcome import Denied, Failure, ListingPage, Refusal, Refused
from tests.listing_api.answering_server import http_answer
from tests.listing_api.calls import PAGE, CountingGate, FixedClock, fetch_one
from tests.listing_api.source_texts import TOKEN, page_request, source


def test_no_secret_is_shown_even_where_the_api_repeats_it() -> None:
    escaped = TOKEN.replace("/", "\\/").encode()
    said = b'{"error":{"message":"bad token ' + escaped + b" and " + TOKEN.encode() + b'"}}'
    link = f"Link: <https://x/?t={TOKEN}>"

    denied, exchange = fetch_one(http_answer(said, "401 No", [link, f"ETag: {TOKEN}"]))
    spelt = said.replace(TOKEN.encode(), f"\\u{ord(TOKEN[0]):04x}{TOKEN[1:]}".encode())
    failed, _ = fetch_one(http_answer(spelt, "400 No"))
    cursor = f"/reso/odata/Property?t={TOKEN.replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}"
    _, followed = fetch_one(http_answer(PAGE), request=page_request(cursor=cursor))

    shown = repr((denied, exchange, failed, followed))
    remedy = "it was asked with LISTING_TOKEN: set that right, then resume the batch"
    assert Denied(f"status 401: bad token (hidden) and (hidden); {remedy}") == denied
    assert Refused(Refusal.CLIENT_ERROR, "status 400: bad token (hidden) and (hidden)") == failed
    assert not any(spelling in shown for spelling in (TOKEN, escaped.decode(), "t0p%2Fsecret"))


def test_no_secret_is_in_the_text_of_a_source() -> None:
    loaded = source({"client.headers": {"X-Api-Key": "${env:LISTING_TOKEN}"}})

    assert TOKEN not in repr(loaded) + str(loaded) + repr(vars(HttpListingSource(loaded, CountingGate(), FixedClock())))


def test_a_secret_shows_nothing() -> None:
    secret = Secret(TOKEN)

    assert "Secret((hidden)) Secret((hidden))" == f"{secret!r} {secret}"
    assert TOKEN == secret.reveal()


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    redactor = Redactor([Secret("abc"), Secret("abcdef")])

    assert "(hidden) (hidden)" == redactor.text("abcdef abc")
    assert b"(hidden) (hidden)" == redactor.data(b"abcdef abc")


@pytest.mark.parametrize("line", ["no header", " folded", "b@d: x"])
def test_a_head_that_is_broken_shows_no_secret_and_ends_no_paging(line: str, caplog: pytest.LogCaptureFixture) -> None:
    head = f"HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: {len(PAGE)}\r\nLink: <?2>; rel=next\r\n\r\n"
    key = {"type": "api_key", "location": "query", "name": "access_token", "value": "${env:LISTING_TOKEN}"}

    outcome, exchange = fetch_one(head.encode() + PAGE, auth=key)

    assert "secret" not in caplog.text + repr((outcome, exchange))
    if isinstance(outcome, ListingPage):
        assert ("link", "<?2>; rel=next") in exchange.headers
    else:
        assert isinstance(outcome, Failure)
        assert "connection" == outcome.cause
