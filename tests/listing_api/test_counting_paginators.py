import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.counting_paginators import OffsetPaginator, PageNumberPaginator
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.paginators import Fetched, SinglePagePaginator


def page(cursor: str | None, document: object, records: int) -> Fetched:
    return Fetched("/sold", cursor, {}, document, records)


def test_a_single_page_is_asked_for_as_it_is_and_is_the_last() -> None:
    assert Call("/sold?a=1") == SinglePagePaginator().call(Call("/sold?a=1"), None)
    assert SinglePagePaginator().next_cursor(page(None, {"next": "/x"}, 50)) is None


def page_number(total: str | None = None, *, base_page: int = 1, stops: bool | None = None) -> PageNumberPaginator:
    total_path = None if total is None else parse_expression(total)
    return PageNumberPaginator("page no", base_page, total_path, total is None if stops is None else stops)


@pytest.mark.parametrize(
    ("first", "cursor", "target"),
    [("/sold", None, "/sold?page%20no=1"), ("/sold?size=50", "7", "/sold?size=50&page%20no=7")],
)
def test_the_number_is_added_to_the_parameters(first: str, cursor: str | None, target: str) -> None:
    assert target == page_number().call(Call(first), cursor).target


def test_numbers_begin_where_the_source_says() -> None:
    assert "/sold?page%20no=0" == page_number(base_page=0).call(Call("/sold"), None).target


@pytest.mark.parametrize(
    ("paginator", "cursor", "document", "records", "expected"),
    [
        (page_number(), None, {}, 50, "2"),
        (page_number(), "2", {}, 0, None),
        (page_number("pages"), None, {"pages": 3}, 50, "2"),
        (page_number("pages"), "2", {"pages": 3}, 50, "3"),
        (page_number("pages"), "3", {"pages": 3}, 50, None),
        (page_number("pages"), "2", {"pages": "3"}, 50, "3"),
        (page_number("pages"), None, {"pages": 0}, 0, None),
        (page_number("pages"), None, {"pages": 1}, 0, None),
        (page_number("pages", base_page=0), "1", {"pages": 2}, 50, None),
        (page_number("pages", base_page=0), None, {"pages": 2}, 50, "1"),
        (page_number("pages", stops=True), "2", {"pages": 9}, 0, None),
    ],
)
def test_pages_are_counted_until_the_total_or_an_empty_page(
    paginator: PageNumberPaginator, cursor: str | None, document: object, records: int, expected: str | None
) -> None:
    assert expected == paginator.next_cursor(page(cursor, document, records))


@pytest.mark.parametrize(
    "document", [{}, {"pages": None}, {"pages": -1}, {"pages": 2.5}, {"pages": True}, {"pages": "x"}]
)
def test_a_total_that_is_missing_or_no_number_is_malformed(document: object) -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        page_number("pages").next_cursor(page(None, document, 50))


def test_an_empty_page_before_the_total_is_malformed_so_that_no_sale_is_lost() -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        page_number("pages").next_cursor(page("2", {"pages": 9}, 0))


def offset(total: str | None = None, *, base: int = 0, maximum: int | None = None) -> OffsetPaginator:
    total_path = None if total is None else parse_expression(total)
    return OffsetPaginator("$skip", "$top", 50, base, total_path, maximum)


@pytest.mark.parametrize(
    ("first", "cursor", "target"),
    [
        ("/sold", None, "/sold?$skip=0&$top=50"),
        ("/sold?a=1", "100", "/sold?a=1&$skip=100&$top=50"),
    ],
)
def test_offset_and_limit_are_added_to_the_parameters(first: str, cursor: str | None, target: str) -> None:
    assert target == offset().call(Call(first), cursor).target


@pytest.mark.parametrize(
    ("paginator", "cursor", "document", "records", "expected"),
    [
        (offset(), None, {}, 50, "50"),
        (offset(), "50", {}, 50, "100"),
        (offset(), "50", {}, 20, "70"),
        (offset(), "50", {}, 1, "51"),
        (offset(), "50", {}, 60, "110"),
        (offset(), "50", {}, 0, None),
        (offset(), None, {}, 0, None),
        (offset(base=1), None, {}, 50, "51"),
        (offset("n"), None, {"n": 120}, 50, "50"),
        (offset("n"), None, {"n": "120"}, 20, "20"),
        (offset("n"), "100", {"n": 120}, 20, None),
        (offset("n"), "50", {"n": 100}, 50, None),
        (offset("n"), "50", {"n": 101}, 50, "100"),
        (offset("n"), None, {"n": 0}, 0, None),
        (offset("n"), "100", {"n": 90}, 0, None),
        (offset("n", base=1), "51", {"n": 100}, 50, None),
        (offset("n", base=1), "51", {"n": 101}, 50, "101"),
        (offset(maximum=100), "50", {}, 50, "100"),
        (offset("n", maximum=100), "100", {"n": 150}, 50, None),
        (offset(maximum=100), "100", {}, 0, None),
    ],
)
def test_records_are_counted_until_the_total_or_an_empty_page(
    paginator: OffsetPaginator, cursor: str | None, document: object, records: int, expected: str | None
) -> None:
    assert expected == paginator.next_cursor(page(cursor, document, records))


@pytest.mark.parametrize(("paginator", "document"), [(offset(maximum=100), {}), (offset("n", maximum=100), {"n": 151})])
def test_records_beyond_the_ceiling_are_a_failure_and_not_left_out(
    paginator: OffsetPaginator, document: object
) -> None:
    with pytest.raises(UnusableAnswerError) as caught:
        paginator.next_cursor(page("100", document, 50))

    assert ("offset_ceiling", True) == (caught.value.failure.cause, caught.value.failure.is_terminal)


@pytest.mark.parametrize("document", [{}, {"n": None}, {"n": -1}, {"n": 2.5}, {"n": True}, {"n": "x"}, {"n": 120}, []])
def test_nothing_at_an_offset_before_the_total_or_no_total_is_malformed(document: object) -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        offset("n").next_cursor(page("50", document, 0))


@given(lengths=st.lists(st.integers(1, 70), max_size=20), base=st.integers(0, 1), states_total=st.booleans())
def test_pages_of_any_length_are_read_to_the_last_record_and_none_is_read_twice(
    lengths: list[int], base: int, *, states_total: bool
) -> None:
    records = list(range(sum(lengths)))
    paginator = offset("n" if states_total else None, base=base)
    read: list[int] = []
    cursor = None
    for length in [*lengths, 0, 0]:
        start = (base if cursor is None else int(cursor)) - base
        came = records[start : start + length]
        read += came
        cursor = paginator.next_cursor(page(cursor, {"n": len(records)}, len(came)))
        if cursor is None:
            break

    assert cursor is None
    assert records == read
