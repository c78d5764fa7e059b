"""Pydantic's findings as our problems: by key, in plain words, with the likely spelling."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

from prograde.errors import Problem, reported

_REMEDIES = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "decimal_parsing": "must be a number",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_pattern_mismatch": "has characters that do not belong there",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
}


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Say each finding as a Problem whose field is the dotted key, `tiers[2].name`; the first of very many."""
    return reported(_problems(error, model))


def _problems(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    for finding in error.errors(include_url=False):
        location = finding["loc"]
        known = _REMEDIES.get(finding["type"])
        remedy = known.format(**finding.get("ctx", {})) if known else finding["msg"].removeprefix("Value error, ")
        value = None if finding["type"] == "missing" else finding["input"]
        if finding["type"] == "extra_forbidden" and len(location) == 1:
            remedy += did_you_mean(str(location[0]), model.model_fields)
        yield Problem(dotted(location), value, remedy[:1].lower() + remedy[1:])


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Suggest the known word nearest to a misspelt one, or list them all."""
    near = get_close_matches(word, known, n=1)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(known)}"


def dotted(location: tuple[int | str, ...]) -> str:
    """Write a location as people do: `stages.profile`, `tiers[2].name`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
