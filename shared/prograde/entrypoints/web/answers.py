"""Answers in JSON."""

from collections.abc import Mapping
from hashlib import sha256

import flask
import orjson


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> flask.Response:
    """Answer with a value, dataclasses and times too."""
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
    response = flask.Response(body, status, mimetype="application/json")
    response.headers.update(headers or {})
    return response


def current_answer(request: flask.Request, value: object) -> flask.Response:
    """Answer with a value that was read, or 304 if the caller has it already."""
    response = json_answer(value)
    response.set_etag(sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response
