"""What an answer means before its pages are read: statuses, headers and error bodies sorted into outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import orjson

from prograde.adapters.listing_api.base_url import origin_of
from prograde.adapters.listing_api.throttling import asked_wait
from prograde.domain.outcome import Answered, Denied, Failure, Refusal, Refused, Throttled

MESSAGE_LENGTH_MAX = 300
SEARCHED_BYTES_MAX = 20_000
"""How much of an error page that is no JSON is searched for a filter's words."""
ENVELOPES_MAX = 10
"""How deep in an error document its message may lie."""

# D is the envelope of Spark's native API, whose keys are capitalised.
_ENVELOPES = ("error", "D")
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_REFUSALS = {int(HTTPStatus.FORBIDDEN): Refusal.FORBIDDEN, int(HTTPStatus.NOT_FOUND): Refusal.NOT_FOUND}


class UnusableAnswerError(Exception):
    """An answer, or the lack of one, that brings no page; it never leaves this adapter."""

    def __init__(self, cause: str, detail: str, *, is_terminal: bool = False) -> None:
        self.failure = Failure(cause, one_line(detail), is_terminal)
        super().__init__(f"{cause}: {detail}")


@dataclass(frozen=True, slots=True)
class RateLimitedFilter:
    """An answer that the source gives to calls that come too quickly, though its status says something else."""

    http_codes: frozenset[int]
    error_message_contains: str | None

    def matches(self, status: int, body: bytes) -> bool:
        """Tell whether an answer is meant; upper and lower case are alike."""
        if status not in self.http_codes:
            return False
        words = self.error_message_contains
        return words is None or words.casefold() in _searched(status, body).casefold()


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime, filters: Sequence[RateLimitedFilter] = ()
) -> Answered | None:
    """
    Sort an answer by its status; None for 2xx, whose body decides.

    `headers` are looked up by lower-case names. The body only adds the API's own words, and what `filters` look for.
    """
    is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in headers
    if status == HTTPStatus.TOO_MANY_REQUESTS or is_busy or any(each.matches(status, body) for each in filters):
        return Throttled(asked_wait(headers, now))
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Refused(Refusal.REDIRECT, _redirect(status, headers))
    said = f"status {status}: {api_message(body)}".removesuffix(": ")
    if status == HTTPStatus.UNAUTHORIZED:
        return Denied(said)
    if status < HTTPStatus.OK:
        return Failure("malformed", said)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return Failure("server_error", said)
    return Refused(_REFUSALS.get(status, Refusal.CLIENT_ERROR), said)


def api_message(body: bytes) -> str:
    """Find the API's own words in an error body, `{"error":{"message"}}` or `{"message"}`; "" where there are none."""
    try:
        return _message(orjson.loads(body))
    except orjson.JSONDecodeError:
        return ""


def _message(document: object) -> str:
    # As often as envelopes are found in each other, no oftener: a document may be nested a thousand deep.
    for _ in range(ENVELOPES_MAX):
        if not isinstance(document, dict):
            break
        inner = [document[key] for key in _ENVELOPES if isinstance(document.get(key), dict | str)]
        document = inner[0] if inner else document.get("message", document.get("Message"))
    return one_line(document) if isinstance(document, str) else ""


def _searched(status: int, body: bytes) -> str:
    """Give the words that a filter looks at: the API's own, or an error page's text, but never a page of records."""
    try:
        return _message(orjson.loads(body))
    except orjson.JSONDecodeError:
        # With a 2xx it may be a page of records that was cut short, whose words mean something else.
        is_error = status >= HTTPStatus.MULTIPLE_CHOICES
        return body[:SEARCHED_BYTES_MAX].decode(errors="replace") if is_error else ""


def one_line(text: str) -> str:
    """Fit a text into a line of a log or a table."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * MESSAGE_LENGTH_MAX])
    return " ".join(printable.split())[:MESSAGE_LENGTH_MAX]


def _redirect(status: int, headers: Mapping[str, str]) -> str:
    try:
        place = origin_of(headers.get("location", ""))
    except ValueError:
        place = "a place on the same host, or nowhere"
    return f"status {status} points to {one_line(place)}: write the address that answers as client.base_url"
