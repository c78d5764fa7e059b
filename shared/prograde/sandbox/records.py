"""
The Member and Property resources: their fields, each field's type, and the record that an agent or listing becomes.

A field's absence is None. Prices are exact decimals; they reach JSON as numbers written out, never through a float.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from prograde.sandbox.market import Agent, Listing
from prograde.sandbox.truth import Production, decimal_text

Value: TypeAlias = str | Decimal | date | datetime | None
Record: TypeAlias = Mapping[str, Value]


class FieldType(Enum):
    """The types that a field or a literal can have."""

    TEXT = "a string"
    NUMBER = "a number"
    DATE = "a date"
    TIMESTAMP = "a timestamp"


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """
    One resource of the API: its name, its key, its fields in the order in which they are shown.

    `indexed` are the text fields for which a query need not look at every record.
    """

    name: str
    key: str
    fields: Mapping[str, FieldType]
    indexed: frozenset[str]


def _fields(text: str = "", number: str = "", day: str = "", timestamp: str = "") -> dict[str, FieldType]:
    kinds = (
        (text, FieldType.TEXT),
        (number, FieldType.NUMBER),
        (day, FieldType.DATE),
        (timestamp, FieldType.TIMESTAMP),
    )
    return {name: kind for names, kind in kinds for name in names.split()}


MEMBER = Resource(
    name="Member",
    key="MemberKey",
    fields=_fields(
        text="MemberKey MemberMlsId MemberFirstName MemberLastName MemberFullName MemberEmail MemberPreferredPhone"
        " MemberDirectPhone MemberMobilePhone MemberOfficePhone"
        " MemberStatus MemberStateLicense MemberStateLicenseState OfficeName MemberCity MemberStateOrProvince",
        number="X_Last12MonthsVolume X_Last12MonthsSides X_ActiveListings",
        day="X_LastSaleDate",
        timestamp="ModificationTimestamp",
    ),
    indexed=frozenset({"MemberKey", "MemberMlsId"}),
)

PROPERTY = Resource(
    name="Property",
    key="ListingKey",
    fields=_fields(
        text="ListingKey ListingId StandardStatus PropertyType ListAgentKey CoListAgentKey BuyerAgentKey"
        " CoBuyerAgentKey ListOfficeName City StateOrProvince PostalCode",
        number="ListPrice OriginalListPrice ClosePrice",
        day="CloseDate OnMarketDate",
        timestamp="ModificationTimestamp",
    ),
    indexed=frozenset({"ListingKey", "ListAgentKey", "CoListAgentKey", "BuyerAgentKey", "CoBuyerAgentKey"}),
)


def member_record(agent: Agent, production: Production) -> Record:
    """The Member that shows an agent, with the true statistics of the last twelve months."""
    split = production.split
    return {
        "MemberKey": agent.key,
        "MemberMlsId": f"M{agent.key}",
        "MemberFirstName": agent.first_name,
        "MemberLastName": agent.last_name or None,
        "MemberFullName": agent.full_name,
        "MemberEmail": agent.email,
        "MemberPreferredPhone": agent.phone,
        "MemberDirectPhone": None,
        "MemberMobilePhone": None,
        "MemberOfficePhone": None,
        "MemberStatus": "Active" if agent.is_active else "Inactive",
        "MemberStateLicense": agent.licence,
        "MemberStateLicenseState": agent.state,
        "OfficeName": agent.office,
        "MemberCity": agent.city,
        "MemberStateOrProvince": agent.state,
        "X_Last12MonthsVolume": Decimal(decimal_text(split.volume_cents / 100)),
        "X_Last12MonthsSides": Decimal(decimal_text(split.sides)),
        "X_ActiveListings": Decimal(production.active_listings),
        "X_LastSaleDate": production.last_sale_date,
        "ModificationTimestamp": agent.modified_at,
    }


def property_record(listing: Listing) -> Record:
    """The Property that shows a listing."""
    return {
        "ListingKey": listing.key,
        "ListingId": listing.listing_id,
        "StandardStatus": listing.status,
        "PropertyType": listing.property_type,
        "ListPrice": _dollars(listing.list_price_cents),
        "OriginalListPrice": _dollars(listing.original_list_price_cents),
        "ClosePrice": None if listing.close_price_cents is None else _dollars(listing.close_price_cents),
        "CloseDate": listing.close_date,
        "OnMarketDate": listing.on_market_date,
        "ListAgentKey": listing.list_agent,
        "CoListAgentKey": listing.co_list_agent,
        "BuyerAgentKey": listing.buyer_agent,
        "CoBuyerAgentKey": listing.co_buyer_agent,
        "ListOfficeName": listing.list_office,
        "City": listing.city,
        "StateOrProvince": listing.state,
        "PostalCode": listing.postal_code,
        "ModificationTimestamp": listing.modified_at,
    }


def encode_record(record: Record, fields: tuple[str, ...]) -> str:
    """One record as a JSON object, with these fields in this order."""
    return "{" + ",".join(f'"{name}":{_encode_value(record[name])}' for name in fields) + "}"


def _encode_value(value: Value) -> str:
    match value:
        case None:
            return "null"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return format(value, "f")
        case datetime():  # before date: a datetime is one, too
            return f'"{value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}"'
        case date():
            return f'"{value.isoformat()}"'


def _dollars(cents: int) -> Decimal:
    dollars, remainder = divmod(cents, 100)
    return Decimal(dollars) if remainder == 0 else Decimal(cents).scaleb(-2)
