import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.error_handler import (
    MESSAGE_LENGTH_MAX,
    SEARCHED_BYTES_MAX,
    RateLimitedFilter,
    api_message,
    refusal,
)
from prograde.adapters.listing_api.waits import WAIT_SECONDS_MAX
from prograde.domain.outcome import Denied, Failure, Outcome, Refusal, Refused, Throttled
from tests.listing_api.source_texts import NOW

BODY = b'{"error":{"code":"x","message":"no such field: Foo"}}'
SAID = "no such field: Foo"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, None),
        (204, {}, None),
        (299, {}, None),
        (429, {}, Throttled(None)),
        (429, {"retry-after": "7"}, Throttled(7.0)),
        (503, {"retry-after": "7"}, Throttled(7.0)),
        (503, {"retry-after": "soon"}, Throttled(None)),
        (503, {}, Failure("server_error", f"status 503: {SAID}")),
        (500, {"retry-after": "7"}, Failure("server_error", f"status 500: {SAID}")),
        (504, {}, Failure("server_error", f"status 504: {SAID}")),
        (999, {}, Failure("server_error", f"status 999: {SAID}")),
        (408, {}, Failure("server_error", f"status 408: {SAID}")),
        (425, {}, Failure("server_error", f"status 425: {SAID}")),
        (401, {}, Denied(f"status 401: {SAID}")),
        (403, {}, Refused(Refusal.FORBIDDEN, f"status 403: {SAID}")),
        (404, {}, Refused(Refusal.NOT_FOUND, f"status 404: {SAID}")),
        (400, {}, Refused(Refusal.CLIENT_ERROR, f"status 400: {SAID}")),
        (413, {}, Refused(Refusal.CLIENT_ERROR, f"status 413: {SAID}")),
        (451, {}, Refused(Refusal.CLIENT_ERROR, f"status 451: {SAID}")),
        (101, {}, Failure("malformed", f"status 101: {SAID}")),
    ],
)
def test_each_status_is_one_outcome(status: int, headers: dict[str, str], expected: Outcome | None) -> None:
    assert expected == refusal(status, headers, BODY, NOW)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("https://other.example/a?token=abc", "https://other.example"),
        ("HTTPS://Other.Example:8443/", "https://other.example:8443"),
        ("/elsewhere", "a place on the same host"),
        ("http://[", "a place on the same host"),
        ("", "a place on the same host"),
    ],
)
def test_a_redirect_is_a_refusal_that_names_the_origin_it_points_to(location: str, place: str) -> None:
    outcome = refusal(302, {"location": location}, b"", NOW)

    assert isinstance(outcome, Refused)
    assert Refusal.REDIRECT is outcome.kind
    assert place in outcome.detail
    assert "abc" not in outcome.detail


RATE = RateLimitedFilter(frozenset({403, 200}), "Rate")
ANY_420 = RateLimitedFilter(frozenset({420}), None)


@pytest.mark.parametrize(
    ("status", "body", "is_throttled"),
    [
        (403, b'{"error":{"message":"RATE limit exceeded"}}', True),
        (403, b'{"status":403,"error":"auth/rate-limit"}', True),
        (403, b'{"D":{"Success":false,"Code":1550,"Message":"over rate"}}', True),
        (403, b"<html>rate exceeded</html>", True),
        (403, b"\xff rate", True),
        (403, b" " * SEARCHED_BYTES_MAX + b"rate", False),
        (403, b'{"error":{"message":"wrong token"}}', False),
        (403, b"", False),
        (401, b'{"message":"rate"}', False),
        (420, b"", True),
        (200, b'{"message":"rate limit"}', True),
        (200, b'{"value":[{"Remarks":"A first-rate kitchen"}]}', False),
        (200, b'{"value":[{"Remarks":"A first-rate kit', False),
        (200, b'[{"message":"rate"}]', False),
    ],
)
def test_a_filter_makes_an_answer_throttled_by_status_and_words(
    status: int, body: bytes, *, is_throttled: bool
) -> None:
    outcome = refusal(status, {"retry-after": "7"}, body, NOW, (RATE, ANY_420))

    assert is_throttled == (outcome == Throttled(7.0))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"why"}}', "why"),
        (b'{"message":"why"}', "why"),
        (b'{"error":"why"}', "why"),
        (b'{"error":{"code":401}}', ""),
        (b'{"error":null,"message":"why"}', "why"),
        (b'{"message":["why"]}', ""),
        (b'{"message":"two\\nlines\\u0000"}', "two lines"),
        (b'{"D":{"Success":false,"Message":"why"}}', "why"),
        (b'"why"', "why"),
        (b"<html>why</html>", ""),
        (b"[]", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_the_apis_own_words_are_found_in_an_error_body(body: bytes, message: str) -> None:
    assert message == api_message(body)


def test_the_apis_words_are_cut() -> None:
    assert MESSAGE_LENGTH_MAX == len(api_message(b'{"message":"' + b"x" * 10_000 + b'"}'))


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["retry-after", "location", "date"]), st.text()),
    body=st.binary()
    | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(
        lambda value: repr(value).replace("'", '"').encode("utf-8", "replace")
    ),
)
def test_any_answer_that_refuses_is_an_outcome_on_one_short_line(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    outcome = refusal(status, headers, body, NOW)

    assert (outcome is None) == (200 <= status < 300)
    if isinstance(outcome, Failure | Denied):
        assert len(outcome.detail) < MESSAGE_LENGTH_MAX + 200
        assert "\n" not in outcome.detail
    if isinstance(outcome, Throttled) and outcome.wait_seconds is not None:
        assert 0 <= outcome.wait_seconds <= WAIT_SECONDS_MAX


@pytest.mark.parametrize("key", ["error", "D", "x"])
def test_an_error_may_be_nested_as_deeply_as_json_is_read(key: str) -> None:
    depth = 1_020
    body = b'{"%b":' % key.encode() * depth + b'"deep"' + b"}" * depth

    assert Failure("server_error", "status 500") == refusal(500, {}, body, NOW)


def test_a_redirect_is_told_on_one_short_line() -> None:
    outcome = refusal(302, {"location": f"http://a\x1b[2J{'b' * 60_000}/".replace("[", "")}, b"", NOW)

    assert isinstance(outcome, Refused)
    assert outcome.detail.isprintable()
    assert len(outcome.detail) < MESSAGE_LENGTH_MAX + 200
