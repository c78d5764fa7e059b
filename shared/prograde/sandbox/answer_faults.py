"""Answers that come whole and are wrong."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from prograde.sandbox.answer import HTML, Answer, error_answer
from prograde.sandbox.fault import AnswerFault
from prograde.sandbox.retry_hints import RetryHint, hint_headers

_WAIT_SECONDS = 1
_NESTING_LEVELS = 100_000
_LOGIN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><form method="post" action="/login">
<input name="user"><input name="password" type="password">
</form></body></html>
"""
_MAINTENANCE_PAGE = b"""<!DOCTYPE html>
<html><head><title>Back soon</title></head><body><h1>We are down for scheduled maintenance</h1></body></html>
"""


def throttle(status: HTTPStatus, hint: RetryHint, wait_seconds: float = _WAIT_SECONDS) -> AnswerFault:
    """Refuse for having been called too often."""

    def spoil(_good: Answer, now: datetime) -> Answer:
        return error_answer(status, "rate limit exceeded", "rate", hint_headers(hint, wait_seconds, now))

    return AnswerFault(f"throttled_{status.value}_{hint}", spoil)


def _fail(status: HTTPStatus) -> AnswerFault:
    return AnswerFault(f"status_{status.value}", lambda *_: error_answer(status, status.phrase, "server"))


def _show(kind: str, page: bytes) -> AnswerFault:
    return AnswerFault(kind, lambda *_: Answer(HTTPStatus.OK, page, HTML))


def _halve(good: Answer, _now: datetime) -> Answer:
    """The length is right for what is there, so that only a parser can tell."""
    return replace(good, body=good.body[: len(good.body) // 2])


def _add_nan(good: Answer, _now: datetime) -> Answer:
    """Some parsers take it for a number; JSON has no such thing."""
    return replace(good, body=good.body.rstrip()[:-1] + b',"X_Share":NaN}')


def _nest(good: Answer, _now: datetime) -> Answer:
    return replace(good, body=b'{"value":' + b"[" * _NESTING_LEVELS + b"]" * _NESTING_LEVELS + b"}")


def _mistype(good: Answer, _now: datetime) -> Answer:
    return replace(good, body=b'{"value":{"busy":true},"data":{"items":"busy"},"meta":[]}')


def _nullify(good: Answer, _now: datetime) -> Answer:
    return replace(good, body=b"null")


THROTTLES = (
    *(throttle(HTTPStatus.TOO_MANY_REQUESTS, hint) for hint in RetryHint),
    throttle(HTTPStatus.SERVICE_UNAVAILABLE, RetryHint.SECONDS),
    throttle(HTTPStatus.SERVICE_UNAVAILABLE, RetryHint.DATE),
    throttle(HTTPStatus.FORBIDDEN, RetryHint.SECONDS),
)
SERVER_ERRORS = tuple(
    _fail(status)
    for status in (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)
HTML_PAGES = (_show("html_login", _LOGIN_PAGE), _show("html_maintenance", _MAINTENANCE_PAGE))
MALFORMED_BODIES = (
    AnswerFault("malformed_half", _halve),
    AnswerFault("malformed_nan", _add_nan),
    AnswerFault("malformed_nesting", _nest),
    AnswerFault("malformed_types", _mistype),
    AnswerFault("malformed_null", _nullify),
)
