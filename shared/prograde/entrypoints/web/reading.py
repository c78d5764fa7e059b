"""What a request says, checked: its query, its JSON, its idempotency key; every mistake at once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import flask
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prograde.adapters.validation import problems_of
from prograde.entrypoints.parameters import amounts_without_quotes
from prograde.errors import InputError, Problem
from prograde.ports import Place

M = TypeVar("M", bound=BaseModel)

DEPTH_MAX = 20
KEY = re.compile(r"[\x20-\x7e]{1,255}")
_PLACE = re.compile(r"([0-9]{1,17})-([a-z0-9_-]{3,80})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Query(BaseModel):
    """A query without parameters; others are made from it."""

    model_config = ConfigDict(extra="forbid")


class Paging(Query):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=500, description="how many at most")] = 50
    cursor: Annotated[str, Field(max_length=400, description="the last page's next")] = ""


def read_query(request: flask.Request, model: type[M]) -> M:
    """Read the query; raises InputError for what is not known, not readable, or given twice."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise InputError(Problem(name, None, "is given more than once") for name in twice)
    return _checked(model, request.args.to_dict())


def read_json(request: flask.Request, model: type[M]) -> M:
    """Read a body in JSON; raises InputError."""
    return parsed_json(request.get_data(), model)


def parsed_json(body: bytes, model: type[M]) -> M:
    """Read JSON; raises InputError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        is_no_json = Problem("body", body[:80].decode(errors="replace"), f"is no JSON: {error}")
        raise InputError(amounts_without_quotes(body.decode(errors="replace")) or [is_no_json]) from error
    if not isinstance(value, dict):
        raise InputError([Problem("body", body[:80].decode(errors="replace"), "must be a JSON object")])
    # What is nested without end could be read, but not shown to whoever sent it.
    if _is_deeper(value, DEPTH_MAX):
        raise InputError([Problem("body", None, f"must not be nested deeper than {DEPTH_MAX}")])
    return _checked(model, value)


def _checked(model: type[M], values: object) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(problems_of(error, model)) from error


def _is_deeper(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def idempotency_key(request: flask.Request) -> str:
    """Read the key that makes a repeated order the same batch, "" for none; raises InputError."""
    key = request.headers.get("Idempotency-Key", "")
    if key and not KEY.fullmatch(key):
        raise InputError([Problem("Idempotency-Key", key[:80], "must be 1 to 255 printable ASCII characters")])
    return key


def read_place(cursor: str) -> Place | None:
    """Read the cursor of a list of batches; raises InputError."""
    if not cursor:
        return None
    found = _PLACE.fullmatch(cursor)
    if not found:
        raise bad_cursor(cursor)
    return Place(_EPOCH + int(found[1]) * _MICROSECOND, found[2])


def write_place(place: Place | None) -> str | None:
    """Write the cursor of a list of batches."""
    return None if place is None else f"{(place.created_at - _EPOCH) // _MICROSECOND}-{place.batch_id}"


def bad_cursor(cursor: str) -> InputError:
    """Say that a cursor is none of ours."""
    return InputError([Problem("cursor", cursor, "must be one that was given as next")])
