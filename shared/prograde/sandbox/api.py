"""
What the practice API answers, without the HTTP around it.

Two dialects over one market: a RESO Web API under `/reso/odata`, and a plain one with numbered pages under `/plain`.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode

from prograde.sandbox.errors import BadRequestError, MethodNotAllowedError, NotFoundError, UnauthorizedError
from prograde.sandbox.filters import parse_filter
from prograde.sandbox.market import Market
from prograde.sandbox.query_options import (
    PAGE_SIZE_MAX,
    OrderKey,
    QueryOptions,
    collection_options,
    entity_fields,
    split_query,
)
from prograde.sandbox.records import MEMBER, PROPERTY, member_record, property_record
from prograde.sandbox.tables import Table
from prograde.sandbox.truth import reckon

RESO_ROOT = "/reso/odata"
PLAIN_ROOT = "/plain"

_ENTITY = re.compile(r"(?P<resource>\w+)\('(?P<key>(?:[^']|'')*)'\)", re.ASCII)
_AGENT_LISTINGS = re.compile(r"agents/(?P<key>[^/]+)(?:/(?P<listings>sold|active))?")
_WHOLE_NUMBER_FROM_ONE = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_LIST_SIDE = ("ListAgentKey", "CoListAgentKey")
_ANY_SIDE = (*_LIST_SIDE, "BuyerAgentKey", "CoBuyerAgentKey")
_NEWEST_FIRST = (OrderKey("CloseDate", is_descending=True), OrderKey("ListingKey"))


@dataclass(frozen=True, slots=True)
class Request:
    """A request's line; `origin` is how the client names the server."""

    method: str
    path: str
    query: str
    origin: str


class PracticeApi:
    """The answers of both dialects over one market; every refusal is a RequestError."""

    def __init__(self, market: Market, token: str, page_size: int) -> None:
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            raise ValueError(f"page_size must be between 1 and {PAGE_SIZE_MAX:,}, not {page_size}")
        productions = reckon(market)
        members = (member_record(agent, productions[agent.key]) for agent in market.agents)
        self._members = Table(MEMBER, members)
        self._properties = Table(PROPERTY, (property_record(listing) for listing in market.listings))
        self._tables = {table.resource.name: table for table in (self._members, self._properties)}
        self._credentials = f"Bearer {token}".encode()
        self._page_size = page_size

    def authenticate(self, authorization: str) -> None:
        """Let whoever shows the token pass."""
        if not hmac.compare_digest(authorization.encode("utf-8", "replace"), self._credentials):
            raise UnauthorizedError("the bearer token is missing or wrong", "Authorization")

    def answer(self, request: Request) -> str:
        """The JSON text that answers a GET by somebody who may ask."""
        if request.method != "GET":
            raise MethodNotAllowedError(f"{request.method} is not allowed here: use GET", request.method)
        if request.path.startswith(f"{RESO_ROOT}/"):
            return self._reso(request.path.removeprefix(f"{RESO_ROOT}/"), request)
        if request.path.startswith(f"{PLAIN_ROOT}/"):
            return self._plain(request.path.removeprefix(f"{PLAIN_ROOT}/"), request)
        raise NotFoundError(f"there is nothing at {request.path}", "path")

    def _reso(self, path: str, request: Request) -> str:
        decoded = unquote(path)
        if decoded in self._tables:
            return self._collection(self._tables[decoded], request)
        match = _ENTITY.fullmatch(decoded)
        if match is None or match["resource"] not in self._tables:
            raise NotFoundError(f"there is no resource {decoded!r}: use {' or '.join(self._tables)}", "path")
        return self._entity(self._tables[match["resource"]], match["key"].replace("''", "'"), request)

    def _entity(self, table: Table, key: str, request: Request) -> str:
        fields = entity_fields(split_query(request.query), table.resource)
        position = table.position_of(key)
        if position is None:
            raise NotFoundError(f"there is no {table.resource.name} with the key {key!r}", table.resource.key)
        context = json.dumps(f"{request.origin}{RESO_ROOT}/$metadata#{table.resource.name}/$entity")
        return f'{{"@odata.context":{context},{table.encode(position, fields)[1:]}'

    def _collection(self, table: Table, request: Request) -> str:
        given = split_query(request.query)
        options = collection_options(given, table.resource)
        size = self._page_size if options.top is None else options.top
        rows = table.find(options.filter, options.order)
        page = rows[options.skip : options.skip + size]
        root = f"{request.origin}{RESO_ROOT}"
        context = json.dumps(f"{root}/$metadata#{table.resource.name}")
        count = f'"@odata.count":{len(rows)},' if options.wants_count else ""
        value = ",".join(table.encode(position, options.select) for position in page)
        following = _next_link(f"{root}/{table.resource.name}", given, options, len(page), len(rows))
        return f'{{"@odata.context":{context},{count}"value":[{value}]{following}}}'

    def _plain(self, path: str, request: Request) -> str:
        match = _AGENT_LISTINGS.fullmatch(path)
        position = self._members.position_of(unquote(match["key"])) if match else None
        if match is None or position is None:
            raise NotFoundError(f"there is no {path}", "path")
        page, size = _page_numbers(split_query(request.query), self._page_size)
        if match["listings"] is None:
            table, rows = self._members, [position]
        else:
            table = self._properties
            rows = list(self._listings(unquote(match["key"]), is_sold=match["listings"] == "sold"))
        pages = max(1, -(-len(rows) // size))
        fields = tuple(table.resource.fields)
        items = ",".join(table.encode(position, fields) for position in rows[(page - 1) * size : page * size])
        return f'{{"data":{{"items":[{items}]}},"meta":{{"page":{page},"pages":{pages},"total":{len(rows)}}}}}'

    def _listings(self, agent_key: str, *, is_sold: bool) -> list[int]:
        literal = "'" + agent_key.replace("'", "''") + "'"
        slots = " or ".join(f"{slot} eq {literal}" for slot in (_ANY_SIDE if is_sold else _LIST_SIDE))
        status = "Closed" if is_sold else "Active"
        expression = parse_filter(f"({slots}) and StandardStatus eq '{status}'", PROPERTY)
        return list(self._properties.find(expression, _NEWEST_FIRST))


def _next_link(url: str, given: Mapping[str, str], options: QueryOptions, shown: int, total: int) -> str:
    following = options.skip + shown
    if not shown or following >= total:
        return ""
    query = urlencode({**given, "$skip": str(following)}, quote_via=quote, safe="$'(),:")
    return f',"@odata.nextLink":{json.dumps(f"{url}?{query}")}'


def _page_numbers(options: Mapping[str, str], page_size: int) -> tuple[int, int]:
    """The page's number and its size, at most the largest."""
    for name, text in options.items():
        if name not in {"page", "per_page"}:
            raise BadRequestError(f"the query option {name!r} is not known here: use page, per_page", name)
        if not _WHOLE_NUMBER_FROM_ONE.fullmatch(text):
            raise BadRequestError(f"{name} must be a whole number from 1, not {text!r}", name)
    return int(options.get("page", "1")), min(int(options.get("per_page", str(page_size))), PAGE_SIZE_MAX)
