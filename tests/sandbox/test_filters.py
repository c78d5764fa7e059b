from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from prograde.sandbox.errors import BadRequestError
from prograde.sandbox.filters import FILTER_DEPTH_MAX, parse_filter, required_keys
from prograde.sandbox.records import PROPERTY

RECORD: dict[str, Any] = {
    **dict.fromkeys(PROPERTY.fields),
    "ListingKey": "L1",
    "City": "Coeur d'Alene",
    "ListAgentKey": "A1",
    "CoListAgentKey": None,
    "ClosePrice": Decimal("412500.55"),
    "CloseDate": date(2026, 3, 1),
    "ModificationTimestamp": datetime(2026, 3, 1, 12, tzinfo=UTC),
}


@pytest.mark.parametrize(
    "text",
    [
        "ListAgentKey eq 'A1'",
        "ListAgentKey ne 'A2'",
        "City eq 'Coeur d''Alene'",
        "ClosePrice eq 412500.55",
        "ClosePrice gt 412500.54 and ClosePrice lt 412500.56",
        "ClosePrice gt -1",
        "CloseDate ge 2026-03-01 and CloseDate le 2026-03-01",
        "ModificationTimestamp eq 2026-03-01T13:00:00+01:00",
        "ModificationTimestamp lt 2026-03-01T12:00:00.001Z",
        "CoListAgentKey eq null",
        "CoListAgentKey ne 'A1'",
        "ClosePrice ne null",
        "not (CoListAgentKey gt 'A')",
        "not CoListAgentKey eq 'A1'",
        "ListAgentKey eq 'A1' or ListAgentKey eq 'A2' and City eq 'nowhere'",
        "not ListAgentKey eq 'A2' and City ne 'nowhere'",
        "((ListAgentKey eq 'A1'))",
        "( ListAgentKey eq 'A1' )and(CloseDate ge 2025-11-20)",
    ],
)
def test_a_filter_that_holds_matches(text: str) -> None:
    assert parse_filter(text, PROPERTY).matches(RECORD)


@pytest.mark.parametrize(
    "text",
    [
        "ListAgentKey eq 'a1'",
        "ListAgentKey eq null",
        "CoListAgentKey gt 'A'",
        "CoListAgentKey le null",
        "CoListAgentKey eq 'A1'",
        "CloseDate lt 2026-03-01",
        "(ListAgentKey eq 'A1' or ListAgentKey eq 'A2') and City eq 'nowhere'",
        "not (ListAgentKey eq 'A1' and ClosePrice gt 1)",
    ],
)
def test_a_filter_that_does_not_hold_does_not_match(text: str) -> None:
    assert not parse_filter(text, PROPERTY).matches(RECORD)


@pytest.mark.parametrize(
    ("text", "target", "fragment"),
    [
        ("", "$filter", "a field at character 1, but has the end"),
        ("Bathrooms eq 2", "Bathrooms", "no field 'Bathrooms'"),
        ("ListAgentKey like 'A1'", "$filter", "unknown operator 'like'"),
        ("ListAgentKey eq", "$filter", "a value"),
        ("ListAgentKey eq 'A1", "$filter", "an unfinished string"),
        ("ListAgentKey eq 'A1' 'A2'", "$filter", "'and', 'or' or the end"),
        ("(ListAgentKey eq 'A1'", "$filter", "')'"),
        ("ListAgentKey eq 7", "ListAgentKey", "is a string, but 7 is a number"),
        ("CloseDate ge '2026-01-01'", "CloseDate", "is a date, but '2026-01-01' is a string"),
        ("CloseDate ge 2026-02-30", "$filter", "2026-02-30, which is no date"),
        ("ListAgentKey eq 'A1' ; drop", "$filter", "an unexpected ';'"),
        ("ListAgentKey eq ListAgentKey", "$filter", "a value"),
        ("not " * FILTER_DEPTH_MAX + "City eq 'x'", "$filter", "nested more than"),
        ("City eq '" + "x" * 5_000 + "'", "$filter", "longer than"),
    ],
)
def test_a_bad_filter_is_refused_by_name(text: str, target: str, fragment: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse_filter(text, PROPERTY)

    assert target == caught.value.target
    assert fragment in caught.value.message


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ListAgentKey eq 'A1'", {"A1"}),
        ("(ListAgentKey eq 'A1' or BuyerAgentKey eq 'A2') and StandardStatus eq 'Closed'", {"A1", "A2"}),
        ("ListAgentKey eq 'A1' or StandardStatus eq 'Closed'", None),
        ("not ListAgentKey eq 'A1'", None),
        ("ListAgentKey ne 'A1'", None),
        ("CoListAgentKey eq null", None),
    ],
)
def test_a_search_is_narrowed_only_by_keys_that_every_match_must_have(text: str, keys: set[str] | None) -> None:
    assert keys == required_keys(parse_filter(text, PROPERTY), PROPERTY.indexed)
