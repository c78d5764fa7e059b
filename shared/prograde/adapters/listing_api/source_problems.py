"""A source file's mistakes in plain words: by key, with what was given and what to do."""

import re
import typing
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prograde.adapters.listing_api.client_tables import SECRET_KEYS
from prograde.adapters.listing_api.secret import REFERENCE, secret_problem
from prograde.adapters.listing_api.source_model import SourceTable
from prograde.errors import Problem

HIDDEN = "(hidden)"
_WHERE = "set it (on Google Cloud by the variable secrets of infra/terraform)"

_SECRET_HEADER = re.compile(r"authorization|cookie|credential|password|secret|token|api-?key|-key$", re.IGNORECASE)
_SECRET_PARAM = re.compile(
    r"((access|api|auth|bearer|client|refresh|server)[-_.]?)?(token|secret|password|key)|authorization|x-api-key",
    re.IGNORECASE,
)
_REMEDIES = {
    "bool_type": "must be true or false",
    "dict_type": "must be keys and values",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge:,}",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le:,}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing: it is required",
    "model_attributes_type": "must be keys and values",
    "model_type": "must be keys and values",
    "string_pattern_mismatch": "must be 1 to 40 characters of a-z, 0-9, _ and -",
    "string_too_long": "must have at most {max_length:,} characters",
    "string_too_short": "must have at least {min_length:,} characters",
    "string_type": "must be text: put it in quotes",
    "too_long": "must have at most {max_length:,} entries",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing: it is required",
    "value_error": "{error}",
}
"""pydantic's kinds of mistakes in our words; what is not here keeps pydantic's."""

_WINDOWS_REMEDY = "must be one to eight windows, each a limit and an interval"


def shape_problems(error: ValidationError, document: object) -> Iterator[Problem]:
    """Translate what pydantic found."""
    for details in error.errors(include_url=False):
        path = _path(details["loc"], document)
        if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
            path = (*path, "type")
        if details["type"] == "extra_forbidden":
            yield Problem(".".join(path), path[-1], _unknown(path))
        elif not _is_credential(path) or details["type"] != "value_error":
            # What is wrong with a credential's text is told by secret_problems.
            yield Problem(".".join(path), _shown(path, details), _remedy(path, details))


def secret_problems(document: Mapping[str, object], env: Mapping[str, str]) -> Iterator[Problem]:
    """Name every secret that stands in the file, stands in the wrong place, or is not in the environment."""
    for path, text in _texts(document, ()):
        field = ".".join(path)
        is_credential = _is_credential(path)
        is_header = path[:2] == ("client", "headers")
        references = REFERENCE.findall(text)
        if references and not (is_credential or is_header):
            yield Problem(field, text, "a secret is possible in client.auth and in client.headers only")
        elif is_credential and not REFERENCE.fullmatch(text):
            yield Problem(field, HIDDEN, 'must be "${env:NAME}", NAME being the environment variable with the secret')
        elif is_header and "${" in REFERENCE.sub("", text):
            yield Problem(field, HIDDEN, 'a reference is written "${env:NAME}"')
        elif is_header and not references and _SECRET_HEADER.search(path[-1]):
            yield Problem(field, HIDDEN, 'looks like a secret: write "${env:NAME}" and set that environment variable')
        elif _is_sent(path) and _SECRET_PARAM.fullmatch(path[-1]):
            yield Problem(field, HIDDEN, "looks like a secret: use client.auth, for a parameter with type api_key")
        elif is_credential or is_header:
            for name in references:
                reason = secret_problem(env.get(name, ""))
                if reason is not None:
                    yield Problem(field, f"${{env:{name}}}", f"the environment variable {name} {reason}: {_WHERE}")


def _is_credential(path: tuple[str, ...]) -> bool:
    return path[:2] == ("client", "auth") and path[2:] in {(key,) for key in SECRET_KEYS}


def _is_sent(path: tuple[str, ...]) -> bool:
    """Tell whether a text of the file goes into a stage's query or body."""
    return path[0] == "stages" and path[2:3] in (("params",), ("json",))


def _texts(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, str(index)))
    elif isinstance(value, str):
        yield path, value


def _path(loc: tuple[int | str, ...], document: object) -> tuple[str, ...]:
    """Keep what names a place in the file; pydantic also puts in the names of the shapes that it tried."""
    path: list[str] = []
    for position, part in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(document, Mapping) and (part in document or (is_last and part != "[key]")):
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int):
            document = document[part]
        else:
            continue
        path.append(str(part))
    return tuple(path) or ("source file",)


def _unknown(path: tuple[str, ...]) -> str:
    known = _known_keys(path[:-1])
    close = get_close_matches(path[-1], known, n=1)
    return f"is no key here: did you mean {close[0]}?" if close else f"is no key here: there are {', '.join(known)}"


def _known_keys(path: tuple[str, ...]) -> list[str]:
    """List the keys that a mapping of the file may hold."""
    tables: list[type[BaseModel]] = [SourceTable]
    for part in path:
        fields = [table.model_fields[part] for table in tables if part in table.model_fields]
        # An index into a list, or a key of free choice, leads to no other table.
        tables = [table for field in fields for table in _tables(field.annotation)] if fields else tables
    return sorted({field.alias or key for table in tables for key, field in table.model_fields.items()})


def _tables(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _tables(argument)


def _shown(path: tuple[str, ...], details: ErrorDetails) -> object:
    given = details["input"]
    if path[:2] in (("client", "auth"), ("client", "headers")) or (
        path[-1] == "base_url" and set(str(given)) & set("@?")
    ):
        return HIDDEN
    if details["type"] in ("missing", "union_tag_not_found"):
        return None
    if details["type"] == "union_tag_invalid":
        return given.get("type")
    return given if isinstance(given, str | int | float | None) else type(given).__name__


def _remedy(path: tuple[str, ...], details: ErrorDetails) -> str:
    if path == ("rate_limits",) and details["type"] in ("too_short", "too_long"):
        return _WINDOWS_REMEDY
    words = _REMEDIES.get(details["type"])
    return details["msg"] if words is None else words.format(**details.get("ctx", {}))
