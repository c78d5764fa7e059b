from datetime import date

import orjson
import pytest

from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.mapping import RECORDS_MAX, ListingMapper, ProfileMapper
from prograde.domain.listing import Listing, ListingStatus, Rejection
from prograde.domain.outcome import NotFound, ProfilePage, Refusal, Refused

SOLD = {
    "key": "ListingKey",
    "status": "StandardStatus",
    "close_price": '"Close Price"',
    "close_date": "dates.closed",
    "list_agent": "agents[0]",
}
RECORD = {
    "ListingKey": "L1",
    "StandardStatus": "Closed",
    "Close Price": 450_000.5,
    "dates": {"closed": "2026-10-01"},
    "agents": ["K1", "K2"],
}


def listings(selector: str = "value", fields: dict[str, str] | None = None) -> ListingMapper:
    expressions = {name: parse_expression(text) for name, text in (fields or SOLD).items()}
    return ListingMapper(parse_expression(selector), expressions, ListingStatus.CLOSED)


def profiles(selector: str = "value[0]", fields: dict[str, str] | None = None) -> ProfileMapper:
    expressions = {name: parse_expression(text) for name, text in (fields or {"last_name": "Last"}).items()}
    return ProfileMapper(parse_expression(selector), expressions)


def test_a_record_is_read_by_keys_and_by_expressions() -> None:
    (listing,) = listings().read({"value": [RECORD]})

    assert isinstance(listing, Listing)
    assert ("L1", 45_000_050, date(2026, 10, 1), "K1") == (
        listing.key,
        listing.close_price_cents,
        listing.close_date,
        listing.list_agent,
    )


def test_a_source_that_maps_no_status_brings_what_its_stage_says() -> None:
    fields = {name: text for name, text in SOLD.items() if name != "status"}

    (listing,) = listings(fields=fields).read({"value": [{**RECORD, "StandardStatus": "Withdrawn"}]})

    assert isinstance(listing, Listing)
    assert ListingStatus.CLOSED is listing.status


def test_a_mapped_status_that_is_missing_rejects_the_record() -> None:
    record = {name: value for name, value in RECORD.items() if name != "StandardStatus"}

    assert (Rejection("L1", "status: missing"),) == listings().read({"value": [record]})


@pytest.mark.parametrize("record", [None, 7, "text", ["a"], True])
def test_a_record_that_is_no_object_is_rejected(record: object) -> None:
    assert (Rejection("", "not an object"),) == listings().read({"value": [record]})


def test_an_expression_that_does_not_fit_a_record_rejects_that_record_only() -> None:
    mapper = listings(fields={**SOLD, "list_agent": "join('', agents)"})

    rejected, read = mapper.read({"value": [{**RECORD, "agents": [1]}, RECORD]})

    assert isinstance(rejected, Rejection)
    assert rejected.reason.startswith("list_agent: join('', agents) does not fit")
    assert isinstance(read, Listing)


def test_an_empty_list_is_an_empty_page() -> None:
    assert () == listings().read({"value": []})


@pytest.mark.parametrize(
    "document", [{}, {"value": None}, {"value": {}}, {"value": "x"}, [], None, 7, {"error": {"message": "busy"}}]
)
def test_a_page_without_a_list_is_malformed_and_never_an_empty_page(document: object) -> None:
    with pytest.raises(UnusableAnswerError) as caught:
        listings().read(document)

    assert ("malformed", False) == (caught.value.failure.cause, caught.value.failure.is_terminal)


def test_a_selector_that_does_not_fit_is_malformed() -> None:
    with pytest.raises(UnusableAnswerError, match="malformed: data_selector: sort"):
        listings("sort(value)").read({"value": [{}, {}]})


@pytest.mark.parametrize(
    ("selector", "document"), [("value[0]", {"value": []}), ("data.items[0]", {"data": {"items": []}})]
)
def test_a_list_of_nobody_says_that_the_profile_is_not_found(selector: str, document: object) -> None:
    assert NotFound() == profiles(selector).read(document)


@pytest.mark.parametrize("document", [{"agent": None}, {}])
def test_nothing_where_a_profile_belongs_says_no_more_than_a_status(document: object) -> None:
    assert Refused(Refusal.NOT_FOUND, "data_selector agent finds nothing") == profiles("agent").read(document)


@pytest.mark.parametrize(
    ("selector", "document"),
    [
        ("value[0]", {}),
        ("value[0]", {"error": {"message": "busy"}}),
        ("value[0]", {"value": None}),
        ("data.items[0]", {"data": {}}),
        ("value[0]", {"value": ["text"]}),
        ("@", {}),
        ("@", []),
        ("@", {"error": {"message": "busy"}}),
    ],
)
def test_an_answer_that_only_looks_like_nobody_is_malformed(selector: str, document: object) -> None:
    with pytest.raises(UnusableAnswerError) as caught:
        profiles(selector).read(document)

    assert ("malformed", False) == (caught.value.failure.cause, caught.value.failure.is_terminal)


def test_a_profile_is_read_with_the_first_phone_that_there_is() -> None:
    mapper = profiles("@", {"last_name": "Last", "phone": "Preferred || Direct"})

    page = mapper.read({"Last": "O'Brien", "Preferred": "", "Direct": "555-0101"})

    assert isinstance(page, ProfilePage)
    assert ("O'Brien", "555-0101") == (page.profile.last_name, page.profile.phone)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a..b", "is not JMESPath"),
        ("@odata.nextLink", 'written in "quotes"'),
        ("", "is not JMESPath"),
        ("lenght(a)", "calls lenght()"),
        ("a[?lenght(b) > `1`]", "calls lenght()"),
        ("(" * 900, "is "),
        ("a" * 1_001, "is longer"),
    ],
)
def test_an_expression_that_cannot_work_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("contains(a, `1`)", {"a": "text"}),
        ("length(a)", {"a": 5}),
        ("ceil(to_number(a))", {"a": "inf"}),
        ("max_by(a, &b)", {"a": [{"b": 1}, {"b": "x"}]}),
        ("a[::0]", {"a": [1]}),
        ("abs(a)", {"a": orjson.loads(b"[" * 1_000 + b"5" + b"]" * 1_000)[0]}),
        ("join('', a)", {"a": [orjson.loads(b"[" * 1_000 + b"]" * 1_000)]}),
        ("ceil(a)", {"a": "x" * 1_000_000}),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "",
)
def test_an_expression_that_does_not_fit_a_document_says_so_and_not_what_the_document_holds(
    text: str, document: object
) -> None:
    with pytest.raises(ValueError, match="does not fit") as caught:
        parse_expression(text).read(document)

    assert len(str(caught.value)) < 100


def test_the_fast_way_reads_what_the_interpreter_reads() -> None:
    fast, slow = parse_expression("key"), parse_expression("key | @")

    assert (fast.key, slow.key) == ("key", None)
    documents: list[object] = [{"key": 1}, {"key": None}, {}, [], "key", None, 5]
    for document in documents:
        assert fast.read(document) == slow.read(document)


def test_a_page_of_more_records_than_anybody_asks_for_is_no_page() -> None:
    assert RECORDS_MAX == len(listings().read({"value": [0] * RECORDS_MAX}))

    with pytest.raises(UnusableAnswerError) as caught:
        listings().read({"value": [0] * (RECORDS_MAX + 1)})

    assert "too_large" == caught.value.failure.cause
