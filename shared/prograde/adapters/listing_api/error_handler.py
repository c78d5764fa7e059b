"""What an answer means before its pages are read: statuses, headers and error bodies sorted into outcomes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import orjson

from prograde.adapters.listing_api.base_url import origin_of
from prograde.domain.outcome import Denied, Failure, NotFound, Outcome, Throttled

MESSAGE_LENGTH_MAX = 300
WAIT_SECONDS_MAX = 31 * 86_400
"""A Retry-After beyond the longest window that listing APIs have, a month, is a mistake and not a wish."""

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


class UnusableAnswerError(Exception):
    """An answer, or the lack of one, that brings no page; it never leaves this adapter."""

    def __init__(self, cause: str, detail: str, *, is_terminal: bool = False) -> None:
        self.failure = Failure(cause, one_line(detail), is_terminal)
        super().__init__(f"{cause}: {detail}")


def refusal(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome | None:
    """
    Sort an answer by its status; None for 2xx, whose body decides.

    `headers` are looked up by lower-case names. The body only adds the API's own words.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    wait_seconds = retry_after(headers.get("retry-after"), now)
    is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in headers
    if status == HTTPStatus.TOO_MANY_REQUESTS or is_busy:
        return Throttled(wait_seconds)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound()
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure("redirect", _redirect(status, headers), is_terminal=True)
    said = f"status {status}: {api_message(body)}".removesuffix(": ")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Denied(said)
    if status < HTTPStatus.OK:
        return Failure("malformed", said)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return Failure("server_error", said)
    return Failure("client_error", said, is_terminal=True)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read Retry-After, seconds or an HTTP date, as seconds from now; None where it says nothing believable."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
            seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None
    return seconds if 0 <= seconds <= WAIT_SECONDS_MAX else None


def api_message(body: bytes) -> str:
    """Find the API's own words in an error body, `{"error":{"message"}}` or `{"message"}`; "" where there are none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if isinstance(document, dict) and isinstance(document.get("error"), dict | str):
        document = document["error"]
    message = document.get("message") if isinstance(document, dict) else document
    return one_line(message) if isinstance(message, str) else ""


def one_line(text: str) -> str:
    """Fit a text into a line of a log or a table."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * MESSAGE_LENGTH_MAX])
    return " ".join(printable.split())[:MESSAGE_LENGTH_MAX]


def _redirect(status: int, headers: Mapping[str, str]) -> str:
    try:
        place = origin_of(headers.get("location", ""))
    except ValueError:
        place = "a place on the same host, or nowhere"
    return f"status {status} points to {place}: write the address that answers as client.base_url"
