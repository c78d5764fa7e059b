import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.base_url import parse_base_url
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.paginators import LINK_LENGTH_MAX, Fetched, JsonLinkPaginator, PageNumberPaginator
from prograde.adapters.listing_api.secret import Redactor, Secret
from tests.listing_api.source_texts import TOKEN

FETCHED = "/reso/odata/Property?$skip=50"


def json_link(base_url: str = "https://api.example.com/reso/odata") -> JsonLinkPaginator:
    return JsonLinkPaginator(parse_expression("next"), parse_base_url(base_url), Redactor([Secret(TOKEN)]))


def after_link(link: object, base_url: str = "https://api.example.com/reso/odata") -> str | None:
    return json_link(base_url).next_cursor(Fetched(FETCHED, None, {"next": link}, 50))


def failure_of(link: object) -> tuple[str, bool]:
    with pytest.raises(UnusableAnswerError) as caught:
        after_link(link)
    return caught.value.failure.cause, caught.value.failure.is_terminal


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("https://api.example.com/reso/odata/Property?$skip=100", "/reso/odata/Property?$skip=100"),
        ("https://API.example.com:443/reso/odata/Property?$skip=100", "/reso/odata/Property?$skip=100"),
        ("/reso/odata/Property?$skip=100", "/reso/odata/Property?$skip=100"),
        ("Property?$skip=100", "/reso/odata/Property?$skip=100"),
        ("?$skip=100", "/reso/odata/Property?$skip=100"),
        ("?$filter=City eq 'Málaga'&x=%20", "/reso/odata/Property?$filter=City%20eq%20'M%C3%A1laga'&x=%20"),
        ("/other/path#fragment", "/other/path"),
    ],
)
def test_a_link_becomes_the_path_and_query_at_the_same_origin(link: str, cursor: str) -> None:
    assert cursor == after_link(link)
    assert cursor == json_link().target("/first", cursor)


@pytest.mark.parametrize("link", [None, ""])
def test_without_a_link_the_page_was_the_last(link: object) -> None:
    assert after_link(link) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/reso/odata/Property?$skip=100",
        "//evil.example/Property",
        "http://api.example.com/reso/odata/Property",
        "https://api.example.com:8443/reso/odata/Property",
        "https://api.example.com@evil.example/Property",
        "https://user:pass@api.example.com/Property",
        "https://api.example.com\\@evil.example/Property",
        "https://api.example.com.evil.example/Property",
        "https://api.example.com:99999/Property",
        "ftp://api.example.com/Property",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_a_link_to_another_origin_ends_the_paging(link: str) -> None:
    assert ("foreign_link", True) == failure_of(link)


@pytest.mark.parametrize("link", [FETCHED, "https://api.example.com" + FETCHED, "?$skip=50"])
def test_a_link_to_the_page_that_it_is_on_is_a_loop(link: str) -> None:
    assert ("paginator_loop", True) == failure_of(link)


@pytest.mark.parametrize("link", ["?" + "a" * LINK_LENGTH_MAX, "?" + "\u00e9" * (LINK_LENGTH_MAX // 2)])
def test_a_link_that_no_server_takes_ends_the_paging(link: str) -> None:
    assert ("link_too_long", True) == failure_of(link)


@pytest.mark.parametrize("link", [5, True, {}, ["x"]])
def test_a_link_that_is_no_text_is_malformed(link: object) -> None:
    assert ("malformed", False) == failure_of(link)


def test_a_parameter_that_repeats_the_token_is_left_out_of_the_cursor() -> None:
    assert "/Property?$skip=100" == after_link("/Property?access_token=t0p%2Fsecret%2Btoken%3D%3D&$skip=100")
    assert "/Property" == after_link(f"/Property?access_token={TOKEN.replace('+', '%2B')}")


@given(st.text())
def test_any_link_stays_at_the_origin_or_is_refused(link: str) -> None:
    try:
        cursor = after_link(link)
    except UnusableAnswerError:
        return
    assert cursor is None or (cursor.startswith("/") and not cursor.startswith("//"))
    assert cursor is None or (cursor.isascii() and " " not in cursor and cursor.isprintable())


def page_number(total: str | None = None, *, base_page: int = 1, stops: bool | None = None) -> PageNumberPaginator:
    total_path = None if total is None else parse_expression(total)
    return PageNumberPaginator("page no", base_page, total_path, total is None if stops is None else stops)


@pytest.mark.parametrize(
    ("first", "cursor", "target"),
    [("/sold", None, "/sold?page%20no=1"), ("/sold?size=50", "7", "/sold?size=50&page%20no=7")],
)
def test_the_number_is_added_to_the_parameters(first: str, cursor: str | None, target: str) -> None:
    assert target == page_number().target(first, cursor)


def test_numbers_begin_where_the_source_says() -> None:
    assert "/sold?page%20no=0" == page_number(base_page=0).target("/sold", None)


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
    assert expected == paginator.next_cursor(Fetched("/sold", cursor, document, records))


@pytest.mark.parametrize(
    "document", [{}, {"pages": None}, {"pages": -1}, {"pages": 2.5}, {"pages": True}, {"pages": "x"}]
)
def test_a_total_that_is_missing_or_no_number_is_malformed(document: object) -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        page_number("pages").next_cursor(Fetched("/sold", None, document, 50))


def test_an_empty_page_before_the_total_is_malformed_so_that_no_sale_is_lost() -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        page_number("pages").next_cursor(Fetched("/sold", "2", {"pages": 9}, 0))
