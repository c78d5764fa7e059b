import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.base_url import parse_base_url
from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.link_header import related_link
from prograde.adapters.listing_api.link_paginators import HeaderLinkPaginator, JsonLinkPaginator, LinkFollower
from prograde.adapters.listing_api.paginators import LINK_LENGTH_MAX, Fetched
from prograde.adapters.listing_api.secret import Redactor, Secret
from tests.listing_api.source_texts import TOKEN

FETCHED = "/reso/odata/Property?$skip=50"


LINKS = LinkFollower(
    parse_base_url("https://api.example.com/reso/odata"), Redactor([Secret(TOKEN)]), frozenset({"access_token"})
)
JSON_LINK = JsonLinkPaginator(parse_expression("next"), LINKS)


def after_link(link: object) -> str | None:
    return JSON_LINK.next_cursor(Fetched(FETCHED, None, {}, {"next": link}, 50))


def after_header(header: str, relation: str = "next") -> str | None:
    return HeaderLinkPaginator(relation, LINKS).next_cursor(Fetched(FETCHED, None, {"link": header}, [], 50))


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
    assert cursor == JSON_LINK.call(Call("/first"), cursor).target


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


@pytest.mark.parametrize(
    "parameter",
    [
        "access_token=",
        "access_token=other",
        "access%5Ftoken=x",
        "x=t0p%2fsecret%2btoken%3d%3d",
        "x=t0p%2Fsecret+token==",
    ],
)
def test_a_parameter_that_each_call_brings_by_itself_is_left_out_of_the_cursor(parameter: str) -> None:
    assert "/Property?$skip=100&b=2" == after_link(f"/Property?$skip=100&{parameter}&b=2")


@pytest.mark.parametrize(
    "link",
    [f"/a?q=x{TOKEN}", "/a?q=xt0p%2fsecret%2btoken%3d%3d", "/a?q=xt0p%2Fsecret+token==", "/t0p/secret+token==/b"],
)
def test_a_link_that_holds_a_secret_elsewhere_is_not_stored(link: str) -> None:
    assert ("secret_in_cursor", True) == failure_of(link)


@given(st.text())
def test_any_link_stays_at_the_origin_or_is_refused(link: str) -> None:
    try:
        cursor = after_link(link)
    except UnusableAnswerError:
        return
    assert cursor is None or (cursor.startswith("/") and not cursor.startswith("//"))
    assert cursor is None or (cursor.isascii() and " " not in cursor and cursor.isprintable())


NEXT = "/reso/odata/Property/replication?$top=2000&next=a,b;c"


@pytest.mark.parametrize(
    ("header", "cursor"),
    [
        (f'<https://api.example.com{NEXT}>; rel="next"', NEXT),
        (f"<{NEXT}>; rel=next", NEXT),
        (f"<{NEXT}>;rel=next;title=x", NEXT),
        (f'<{NEXT}> ; REL = "NEXT"', NEXT),
        (f'< {NEXT} >; rel="next"', NEXT),
        (f'</first>; rel="first", <{NEXT}>; rel="next", </last>; rel="last"', NEXT),
        (f'<{NEXT}>; rel="last next"', NEXT),
        (f'<{NEXT}>; title="a, <b>; rel=\\"prev\\""; rel="next"', NEXT),
        (f"<{NEXT}>; title*=UTF-8'de'n%c3%a4chste; rel=\"next\"", NEXT),
        (f'</a>; rel="prev"; rel="next", <{NEXT}>; rel="next"', NEXT),
        (f'</a>; anchor="/other"; rel="next", <{NEXT}>; rel="next"', NEXT),
        (f'<{NEXT}>; rel="next", </b>; rel="next"', NEXT),
        (f", , <{NEXT}>; rel=next,", NEXT),
        ("<?page=2>; rel=next", "/reso/odata/Property?page=2"),
        ("", None),
        ('</first>; rel="first"', None),
        ('</a>; rel="nextish"', None),
        ('</a>; rel="next', None),
        ("</a>", None),
        ("</a>; relation=next", None),
        ('</a>; anchor="/other"; rel="next"', None),
    ],
)
def test_the_next_page_is_read_from_a_link_header_as_rfc_8288_writes_it(header: str, cursor: str | None) -> None:
    assert cursor == after_header(header)


def test_the_relation_may_have_another_name() -> None:
    assert "/b" == after_header(
        '</a>; rel="next", </b>; rel="https://example.com/following"', "https://example.com/Following"
    )


def test_an_answer_without_a_link_header_is_the_last_page() -> None:
    assert HeaderLinkPaginator("next", LINKS).next_cursor(Fetched(FETCHED, None, {}, [], 50)) is None


@pytest.mark.parametrize("header", ["https://api.example.com/a; rel=next", "next", '"</a>; rel=next', "</a; rel=next"])
def test_a_link_header_that_cannot_be_read_is_malformed_so_that_no_page_is_lost(header: str) -> None:
    with pytest.raises(UnusableAnswerError, match="malformed"):
        after_header(header)


@pytest.mark.parametrize(
    ("link", "cause"),
    [
        ("https://evil.example/a", "foreign_link"),
        (FETCHED, "paginator_loop"),
        ("", "paginator_loop"),
        ("/a?" + "b" * LINK_LENGTH_MAX, "link_too_long"),
        (f"/a/{TOKEN}", "secret_in_cursor"),
    ],
)
def test_a_link_of_a_header_is_followed_no_further_than_one_of_a_document(link: str, cause: str) -> None:
    with pytest.raises(UnusableAnswerError) as caught:
        after_header(f'<{link}>; rel="next"')

    assert (cause, True) == (caught.value.failure.cause, caught.value.failure.is_terminal)


@given(st.text() | st.text(alphabet='<>",;= \\/?anext:rl'))
def test_any_link_header_is_read_or_refused(header: str) -> None:
    try:
        cursor = after_header(header)
    except UnusableAnswerError:
        return
    assert cursor is None or (cursor.startswith("/") and not cursor.startswith("//"))


@given(st.lists(st.text(alphabet="abc,;?&=/%20", min_size=1), min_size=1, max_size=5), st.integers(0, 4))
def test_an_address_among_others_comes_out_as_it_was_written(addresses: list[str], place: int) -> None:
    place %= len(addresses)
    relations = ["next" if position == place else "x" for position in range(len(addresses))]
    header = ", ".join(f'<{a}>; title="<,;>"; rel="{r}"' for a, r in zip(addresses, relations, strict=True))

    assert addresses[place].strip() == related_link(header, "next")


def test_a_header_as_long_as_headers_get_is_read_in_no_time() -> None:
    for repeated in ('"', "\\", "<", ",", ";", '"a",', "<>;", "a=", "<a>,"):
        started = time.process_time()
        with suppress(ValueError):
            related_link("</a>; " + repeated * (1_000_000 // len(repeated)), "next")
        assert time.process_time() - started < 3, repeated


@given(path=st.text("abZ09/:@!$&'()*+,;=%-._~[]? #\\é", max_size=30))
def test_a_link_leads_to_the_same_place_however_its_origin_is_spelt(path: str) -> None:
    base_url = parse_base_url("https://api.example.com/reso/odata")

    def led(origin: str) -> str:
        try:
            return base_url.target(f"{origin}/{path}", "/reso/odata/Property?$top=1")
        except ValueError as error:
            return str(error)

    assert led("HTTPS://API.example.com:443") == led("https://api.example.com")
