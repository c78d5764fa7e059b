import tracemalloc
from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.aggregation import Aggregate, Attribution, add_active, add_sold
from prograde.domain.listing import Listing, ListingStatus, Rejection, fold, parse_columns, parse_listing
from tests.unit.examples import PARAMETERS

RECORD: Mapping[str, object] = {
    "key": "L1",
    "status": "Closed",
    "property_type": "Residential",
    "list_price": 310_000,
    "close_price": 300_000,
    "close_date": "2026-03-01",
    "list_agent": "K1",
    "co_list_agent": None,
    "buyer_agent": "K9",
}
FIELDS = [*RECORD, "co_buyer_agent"]


def parsed(**changes: object) -> Listing:
    listing = parse_listing({**RECORD, **changes}, ListingStatus.OTHER)
    assert isinstance(listing, Listing), listing
    return listing


def rejected(**changes: object) -> str:
    rejection = parse_listing({**RECORD, **changes}, ListingStatus.OTHER)
    assert isinstance(rejection, Rejection), rejection
    return rejection.reason


def test_a_whole_record_becomes_a_listing() -> None:
    assert (
        Listing(
            key="L1",
            status=ListingStatus.CLOSED,
            is_sale=True,
            list_price_cents=310_000_00,
            close_price_cents=300_000_00,
            close_date=date(2026, 3, 1),
            list_agent="K1",
            co_list_agent=None,
            buyer_agent="K9",
            co_buyer_agent=None,
        )
        == parsed()
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Closed", ListingStatus.CLOSED),
        ("CLOSED", ListingStatus.CLOSED),
        ("sold", ListingStatus.CLOSED),
        ("Settled", ListingStatus.CLOSED),
        ("Active", ListingStatus.ACTIVE),
        ("active", ListingStatus.ACTIVE),
        ("Active Under Contract", ListingStatus.OTHER),
        ("ActiveUnderContract", ListingStatus.OTHER),
        ("Coming Soon", ListingStatus.OTHER),
        ("Pending", ListingStatus.OTHER),
        ("Withdrawn", ListingStatus.OTHER),
        ("Expired", ListingStatus.OTHER),
        ("Canceled", ListingStatus.OTHER),
        ("Delete", ListingStatus.OTHER),
        ("whatever comes", ListingStatus.OTHER),
    ],
)
def test_eleven_statuses_fold_into_three(status: str, expected: ListingStatus) -> None:
    assert expected is parsed(status=status).status


def test_a_source_that_maps_no_status_has_the_one_its_path_implies() -> None:
    unmapped = {key: value for key, value in RECORD.items() if key != "status"}

    listing = parse_listing(unmapped, ListingStatus.ACTIVE)

    assert isinstance(listing, Listing)
    assert ListingStatus.ACTIVE is listing.status


@pytest.mark.parametrize("status", [None, "", "  ", 3, ["Closed"]])
def test_a_mapped_status_that_is_missing_rejects_the_record(status: object) -> None:
    assert "status: missing" == rejected(status=status)


@pytest.mark.parametrize(
    ("property_type", "expected"),
    [
        ("Residential", True),
        ("Residential Income", True),
        ("Land", True),
        (None, True),
        (7, True),
        ("Residential Lease", False),
        ("ResidentialLease", False),
        ("Commercial Lease", False),
        ("RESIDENTIAL_RENTAL", False),
    ],
)
def test_a_lease_is_no_sale(property_type: object, expected: bool) -> None:  # noqa: FBT001  # a table's column
    assert expected is parsed(property_type=property_type).is_sale


@pytest.mark.parametrize(
    ("key", "expected"),
    [("L1", "L1"), ("  L1 ", "L1"), (17, "17"), (-17, "-17"), ("é漢", "é漢"), ("k" * 255, "k" * 255)],
)
def test_a_key_is_a_text_or_an_integer(key: object, expected: str) -> None:
    assert expected == parsed(key=key).key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "key: missing"),
        ("", "key: missing"),
        (" ", "key: missing"),
        (True, "key: not a key"),
        (1.5, "key: not a key"),
        (10**18, "key: not a key"),
        (["L1"], "key: not a key"),
        ("k" * 256, "key: longer than 255"),
        ("L\x001", "key: has a control character"),
        ("L\n1", "key: has a control character"),
        ("\ud800", "key: has a control character"),
    ],
)
def test_a_record_without_a_usable_key_is_rejected(key: object, reason: str) -> None:
    assert reason == rejected(key=key)


@pytest.mark.parametrize("field", ["list_agent", "co_list_agent", "buyer_agent", "co_buyer_agent"])
def test_an_agent_is_absent_or_a_key(field: str) -> None:
    assert None is getattr(parsed(**{field: " "}), field)
    assert "K7" == getattr(parsed(**{field: " K7 "}), field)
    assert f"{field}: not a key" == rejected(**{field: {"id": 7}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-29", date(2026, 10, 29)),
        ("2026-10-29T23:59:59Z", date(2026, 10, 29)),
        ("2026-10-29 23:59", date(2026, 10, 29)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_close_date_is_the_head_of_a_timestamp(value: str, expected: date) -> None:
    assert expected == parsed(close_date=value).close_date


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "close_date: missing on a closed listing"),
        ("", "close_date: missing on a closed listing"),
        (1_793_232_000, "close_date: not a date"),
        ("20261029", "close_date: not a date"),
        ("29.10.2026", "close_date: not a date"),
        ("2026-10-29x", "close_date: not a date"),
        ("2026-W01-1", "close_date: not a date"),
        ("２０２６-10-29", "close_date: not a date"),  # noqa: RUF001  # full-width digits are the case
        ("2026-02-29", "close_date: no day of the calendar"),
        ("0000-01-01", "close_date: no day of the calendar"),
    ],
)
def test_a_closed_listing_without_a_readable_close_date_is_rejected(value: object, reason: str) -> None:
    assert reason == rejected(close_date=value)


def test_a_listing_that_is_not_closed_needs_no_close_date() -> None:
    assert None is parsed(status="Active", close_date=None).close_date


@pytest.mark.parametrize("price", [None, "", 0, "0.00", 0.0])
def test_an_absent_or_zero_price_is_undisclosed(price: object) -> None:
    assert None is parsed(close_price=price).close_price_cents
    assert None is parsed(list_price=price).list_price_cents


@pytest.mark.parametrize("field", ["list_price", "close_price"])
def test_a_price_that_is_no_amount_rejects_the_record_by_its_field(field: str) -> None:
    assert f"{field}: not an amount" == rejected(**{field: "on request"})
    assert f"{field}: outside 0 to 999,999,999,999.99" == rejected(**{field: -1})


@pytest.mark.parametrize(
    ("key", "shown"),
    [("L1", "L1"), (17, "17"), (True, ""), (None, ""), ("k" * 999, "k" * 255), ("a\ud800\n", "a??"), (10**5000, "")],
    ids=["text", "integer", "boolean", "none", "long", "unwritable", "huge"],
)
def test_a_rejection_shows_the_key_as_far_as_it_can_be_written(key: object, shown: str) -> None:
    rejection = parse_listing({**RECORD, "key": key, "close_price": "?"}, ListingStatus.OTHER)

    assert isinstance(rejection, Rejection)
    assert shown == rejection.key


def test_both_spellings_of_an_enumeration_are_one() -> None:
    assert fold("ActiveUnderContract") == fold("Active Under Contract") == fold("ACTIVE_UNDER_CONTRACT")


json_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(["Closed", "2026-03-01", "L1", 10**300, "1e999999", ""])
)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(FIELDS), json_values), st.sampled_from(ListingStatus))
def test_parsing_never_raises(changes: dict[str, object], default: ListingStatus) -> None:
    for record in (changes, {**RECORD, **changes}):
        outcome = parse_listing(record, default)

        outcome.key.encode()
        if isinstance(outcome, Listing):
            assert outcome.key
            assert outcome.status is not ListingStatus.CLOSED or outcome.close_date is not None


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_every_listing_that_parses_can_be_counted(changes: dict[str, object]) -> None:
    listing = parse_listing({**RECORD, **changes}, ListingStatus.ACTIVE)
    if isinstance(listing, Listing):
        agent = listing.list_agent or "K9"
        counted = add_active(Aggregate(), [listing], agent)
        add_sold(counted, [listing], agent, Attribution.SPLIT, PARAMETERS.window)


def test_what_a_record_says_is_forgotten_however_long_it_is() -> None:
    tracemalloc.start()
    for number in range(50):
        filler = f"{number}" * 200_000
        words = {"close_date": f"2026-03-01T{filler}", "status": f"Closed{filler}", "property_type": f"{filler}Lease"}
        parsed = parse_listing({**RECORD, **words}, ListingStatus.ACTIVE)
        assert isinstance(parsed, Listing)
        assert (date(2026, 3, 1), ListingStatus.OTHER, False) == (parsed.close_date, parsed.status, parsed.is_sale)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept_bytes < 3_000_000


@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from([1, 1.0, True, "1"]), max_size=3))
)
def test_a_page_read_by_column_is_what_its_records_are_one_by_one(changes: list[dict[str, object]]) -> None:
    nothing: dict[str, object] = dict.fromkeys(FIELDS)
    records = [{**nothing, **RECORD, **change} for change in changes]
    columns = {field: [record[field] for record in records] for field in FIELDS}

    by_column = parse_columns(columns, len(records), ListingStatus.OTHER)

    one_by_one = tuple(parse_listing(record, ListingStatus.OTHER) for record in records)
    assert by_column in (one_by_one, None)
    assert by_column is not None or any(change for change in changes)


@pytest.mark.parametrize("unmapped", FIELDS)
def test_a_column_that_is_not_mapped_is_read_as_in_a_single_record(unmapped: str) -> None:
    record = {field: value for field, value in RECORD.items() if field != unmapped}
    columns = {field: [value] for field, value in record.items()}

    for default in ListingStatus:
        expected = parse_listing(record, default)
        assert ((expected,) if isinstance(expected, Listing) else None) == parse_columns(columns, 1, default)


def test_a_usual_page_is_read_by_column() -> None:
    values: list[dict[str, object]] = [
        {"key": "L1", "list_agent": None},
        {"list_price": 0.5},
        {"close_price": "", "status": "Active"},
        {},
    ]
    records = [{**RECORD, **each} for each in values]
    columns = {field: [record[field] for record in records] for field in RECORD}

    assert tuple(parse_listing(record, ListingStatus.OTHER) for record in records) == parse_columns(
        columns, len(records), ListingStatus.OTHER
    )
