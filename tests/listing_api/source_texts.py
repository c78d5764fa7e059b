"""Source files for tests: one that is right, and how to change it."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime

import yaml

from prograde.adapters.listing_api.source import Source
from prograde.adapters.listing_api.source_file import load_source
from prograde.domain.batch import Parameters
from prograde.domain.professional import Stage
from prograde.ports import PageRequest

TOKEN = "t0p/secret+token=="
ENV = {"LISTING_TOKEN": TOKEN}
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PARAMETERS = Parameters(as_of=date(2026, 11, 20), cutoff=date(2025, 11, 20))
REMOVED = object()

RIGHT: dict[str, object] = {
    "version": 1,
    "name": "reso",
    "client": {
        "base_url": "https://api.example.com/reso/odata",
        "auth": {"type": "bearer", "token": "${env:LISTING_TOKEN}"},
    },
    "rate_limits": [{"limit": 20, "interval": "PT1S"}],
    "stages": {
        "profile": {
            "path": "Member('{professional_id}')",
            "data_selector": "value[0]",
            "fields": {"agent_key": "MemberKey", "last_name": "MemberLastName", "phone": "Preferred || Direct"},
        },
        "active": {
            "path": "agents/{agent_key}/active",
            "params": {"size": 50},
            "data_selector": "data.items",
            "fields": {"key": "ListingKey", "list_agent": "ListAgentKey"},
            "paginator": {"type": "page_number", "total_path": "meta.pages"},
        },
        "historical": {
            "path": "Property",
            "params": {"$filter": "ListAgentKey eq '{agent_key}' and CloseDate ge {cutoff} and CloseDate le {as_of}"},
            "data_selector": "value",
            "fields": {
                "key": "ListingKey",
                "status": "StandardStatus",
                "close_price": "ClosePrice",
                "close_date": "CloseDate",
                "list_agent": "ListAgentKey",
            },
            "paginator": {"type": "json_link", "next_url_path": '"@odata.nextLink"'},
            "newest_first": True,
        },
    },
}


def source_text(changes: Mapping[str, object] | None = None) -> str:
    """Write the right source file with some values, named by dotted keys, set or REMOVED."""
    document = deepcopy(RIGHT)
    for field, value in (changes or {}).items():
        *path, last = field.split(".")
        table: dict[str, object] = document
        for key in path:
            inner = table[key]
            assert isinstance(inner, dict)
            table = inner
        if value is REMOVED:
            del table[last]
        else:
            table[last] = value
    return yaml.safe_dump(document, sort_keys=False)


def source(changes: Mapping[str, object] | None = None, env: Mapping[str, str] | None = None) -> Source:
    return load_source(source_text(changes), ENV if env is None else env)


def page_request(
    stage: Stage = Stage.HISTORICAL, cursor: str | None = None, professional_id: str = "K1", agent_key: str = "K1"
) -> PageRequest:
    return PageRequest(professional_id, agent_key, stage, 1, cursor, PARAMETERS)
