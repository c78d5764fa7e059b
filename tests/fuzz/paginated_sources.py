"""A source for every paginator, each with another kind of credentials, all reading the same documents."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.adapters.listing_api.source import Source
from tests.listing_api.calls import CountingGate, FixedClock
from tests.listing_api.source_texts import REMOVED, source

ANSWER_BYTES_MAX = 1_000_000
READ_TIMEOUT_SECONDS = 1.0

_TOKEN = "${env:LISTING_TOKEN}"
BEARER: Mapping[str, str] = {"type": "bearer", "token": _TOKEN}
HEADER_KEY: Mapping[str, str] = {"type": "api_key", "location": "header", "name": "X-Api-Key", "value": _TOKEN}
QUERY_KEY: Mapping[str, str] = {"type": "api_key", "location": "query", "name": "access_token", "value": _TOKEN}
BASIC: Mapping[str, str] = {"type": "http_basic", "username": _TOKEN, "password": _TOKEN}

_PROFILE: Mapping[str, str] = {
    "agent_key": "MemberKey",
    "last_name": "MemberLastName",
    "phone": "Preferred || Direct",
    "stated_volume": "Volume",
    "stated_sides": "Sides",
    "stated_active": "Active",
    "stated_last_close": "LastClose",
}
_LISTING: Mapping[str, str] = {
    "key": "ListingKey",
    "status": "StandardStatus",
    "property_type": "PropertyType",
    "list_price": "ListPrice",
    "list_agent": "ListAgentKey",
    "co_list_agent": "CoListAgentKey",
}
_SOLD: Mapping[str, str] = {
    **_LISTING,
    "close_price": "ClosePrice",
    "close_date": "CloseDate",
    "buyer_agent": "BuyerAgentKey",
    "co_buyer_agent": "CoBuyerAgentKey",
}
# Functions that raise, or make numbers that no JSON holds, of what they are given.
_COMPUTED: Mapping[str, str] = {
    **_SOLD,
    "key": "join('-', [ListingKey, to_string(ListPrice)])",
    "close_price": "to_number(ClosePrice)",
    "close_date": "max(CloseDates) || CloseDate",
    "list_agent": "sort_by(Agents, &Order)[0].Key || ListAgentKey",
}

_PAGINATORS: Mapping[str, tuple[Mapping[str, object], Mapping[str, str]]] = {
    "json_link": ({"type": "json_link", "next_url_path": '"@odata.nextLink"'}, BEARER),
    "header_link": ({"type": "header_link"}, QUERY_KEY),
    "page_number": ({"type": "page_number", "total_path": "total"}, HEADER_KEY),
    "offset": ({"type": "offset", "limit": 50, "total_path": "total", "maximum_offset": 10_000}, BASIC),
    "cursor": ({"type": "cursor", "cursor_path": "cursor", "cursor_param": "after"}, QUERY_KEY),
    "cursor_in_body": ({"type": "cursor", "cursor_path": "cursor", "cursor_body_path": "page.after"}, BEARER),
    "computed": ({"type": "cursor", "cursor_path": "sum(numbers[].to_number(@))", "cursor_body_path": "after"}, BASIC),
    "single_page": ({"type": "single_page"}, {}),
}
PAGINATORS = tuple(_PAGINATORS)


def paginated_source(name: str, origin: str) -> Source:
    """Load the source with one of PAGINATORS."""
    paginator, auth = _PAGINATORS[name]
    posts = {"method": "POST", "json": {"agent": "{agent_key}"}} if "cursor_body_path" in paginator else {}
    listings = {"path": "Property", "data_selector": "value", "paginator": paginator, **posts}
    sold = _COMPUTED if name == "computed" else _SOLD
    return source(
        {
            "client.base_url": f"{origin}/reso/odata",
            "client.auth": auth or REMOVED,
            "client.response_bytes_max": ANSWER_BYTES_MAX,
            "client.read_timeout_seconds": READ_TIMEOUT_SECONDS,
            "client.error_handler": {
                "response_filters": [
                    {"http_codes": [200, 403, 500], "error_message_contains": "quota", "action": "rate_limited"}
                ]
            },
            "stages.profile.fields": _PROFILE,
            "stages.active": deepcopy({**listings, "fields": _LISTING}),
            "stages.historical": deepcopy({**listings, "fields": sold, "newest_first": True}),
        }
    )


@contextmanager
def paginated_sources(origin: str) -> Iterator[dict[str, tuple[Source, HttpListingSource]]]:
    """Lend a caller for each of PAGINATORS."""
    with ExitStack() as stack:
        callers = {}
        for name in PAGINATORS:
            loaded = paginated_source(name, origin)
            callers[name] = (loaded, stack.enter_context(HttpListingSource(loaded, CountingGate(), FixedClock())))
        yield callers
