"""What goes back to a client, before it is put on the wire."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from prograde.sandbox.errors import RequestError

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and the headers that are not the same for every answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: Headers = ()


def json_answer(text: str) -> Answer:
    """Answer 200 with a JSON text."""
    return Answer(HTTPStatus.OK, text.encode("utf-8", "replace"))


def refusal_answer(error: RequestError) -> Answer:
    """Tell the client what is wrong with its request."""
    return error_answer(error.status, error.message, error.target, error.headers)


def error_answer(status: HTTPStatus, message: str, target: str, headers: Headers = ()) -> Answer:
    """Refuse in the standard's shape; `target` names the part of the request that is at fault."""
    code = str(status.value)
    detail = {"code": code, "target": target, "message": message}
    body = json.dumps({"error": {"code": code, "message": message, "target": target, "details": [detail]}})
    return Answer(status, body.encode("utf-8", "replace"), headers=headers)
