"""
The query options of a collection or an entity: $filter, $select, $orderby, $top, $skip, $count.

`$top` is how many records an answer holds, as in RESO's Web API Core, and so the page size that a client may ask for:
it travels on in the next link.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from prograde.sandbox.errors import BadRequestError
from prograde.sandbox.filters import Expression, parse_filter
from prograde.sandbox.records import Resource

OPTIONS_MAX = 20
ORDER_KEYS_MAX = 8
PAGE_SIZE_MAX = 1_000

_COLLECTION_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$count"})
_ENTITY_OPTIONS = frozenset({"$select"})
_WHOLE_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of $orderby."""

    field: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What a request asks of a resource, checked against it; `top` is within the largest page."""

    filter: Expression | None
    select: tuple[str, ...]
    order: tuple[OrderKey, ...]
    top: int | None
    skip: int
    wants_count: bool


def split_query(query: str) -> Mapping[str, str]:
    """The options of a URL's query by name; raises BadRequestError where one is given twice."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=OPTIONS_MAX, errors="strict")
    except ValueError as error:
        raise BadRequestError(f"the query cannot be read: {error}", "query") from error
    options = dict(pairs)
    if len(options) < len(pairs):
        name = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise BadRequestError(f"{name} is given more than once", name)
    return options


def collection_options(options: Mapping[str, str], resource: Resource) -> QueryOptions:
    """Check the options of a collection's request; raises BadRequestError naming the option or field at fault."""
    _refuse_unknown(options, _COLLECTION_OPTIONS)
    filter_text = options.get("$filter")
    top = _whole_number(options, "$top")
    return QueryOptions(
        filter=None if filter_text is None else parse_filter(filter_text, resource),
        select=_selected(options, resource),
        order=_order(options, resource),
        top=None if top is None else min(top, PAGE_SIZE_MAX),
        skip=_whole_number(options, "$skip") or 0,
        wants_count=_truth(options, "$count"),
    )


def entity_fields(options: Mapping[str, str], resource: Resource) -> tuple[str, ...]:
    """The fields that a request for a single entity selects; it can have no other option."""
    _refuse_unknown(options, _ENTITY_OPTIONS)
    return _selected(options, resource)


def _refuse_unknown(options: Mapping[str, str], known: frozenset[str]) -> None:
    for name in options:
        if name not in known:
            raise BadRequestError(f"the query option {name!r} is not known here: use {', '.join(sorted(known))}", name)


def _selected(options: Mapping[str, str], resource: Resource) -> tuple[str, ...]:
    text = options.get("$select")
    if text is None or text.strip() == "*":
        return tuple(resource.fields)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        _refuse_unknown_field(name, resource, "$select")
    return names


def _order(options: Mapping[str, str], resource: Resource) -> tuple[OrderKey, ...]:
    text = options.get("$orderby")
    if text is None:
        return ()
    keys = tuple(_order_key(part, resource) for part in text.split(","))
    if len(keys) > ORDER_KEYS_MAX:
        raise BadRequestError(f"$orderby has more than {ORDER_KEYS_MAX} keys", "$orderby")
    return keys


def _order_key(text: str, resource: Resource) -> OrderKey:
    match text.split():
        case [name]:
            direction = "asc"
        case [name, "asc" | "desc" as direction]:
            pass
        case _:
            raise BadRequestError(f"$orderby has {text.strip()!r}: write a field, then asc or desc", "$orderby")
    _refuse_unknown_field(name, resource, "$orderby")
    return OrderKey(name, is_descending=direction == "desc")


def _refuse_unknown_field(name: str, resource: Resource, option: str) -> None:
    if name not in resource.fields:
        raise BadRequestError(f"{resource.name} has no field {name!r}, which {option} names", name or option)


def _whole_number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text):
        raise BadRequestError(f"{name} must be a whole number from 0, not {text!r}", name)
    return int(text)


def _truth(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "false")
    if text not in {"true", "false"}:
        raise BadRequestError(f"{name} must be true or false, not {text!r}", name)
    return text == "true"
