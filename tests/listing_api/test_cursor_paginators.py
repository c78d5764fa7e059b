import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.cursor_paginators import (
    CURSOR_LENGTH_MAX,
    BodyCursorPaginator,
    CursorReader,
    QueryCursorPaginator,
)
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.json_template import JsonTemplate
from prograde.adapters.listing_api.paginators import Fetched, Paginator
from prograde.adapters.listing_api.secret import Redactor, Secret
from tests.listing_api.source_texts import TOKEN

READER = CursorReader(parse_expression("meta.next"), Redactor([Secret(TOKEN), Secret("short")]))
QUERY = QueryCursorPaginator(READER, "after key")
BODY = BodyCursorPaginator(READER, ("page", "after"))


def after(paginator: Paginator, token: object, cursor: str | None = None) -> str | None:
    return paginator.next_cursor(Fetched("/sold", cursor, {}, {"meta": {"next": token}}, 50))


def failure_of(paginator: Paginator, token: object, cursor: str | None = None) -> tuple[str, bool]:
    with pytest.raises(UnusableAnswerError) as caught:
        after(paginator, token, cursor)
    return caught.value.failure.cause, caught.value.failure.is_terminal


@pytest.mark.parametrize(
    ("first", "token", "target"),
    [
        ("/sold", "abc", "/sold?after%20key=abc"),
        ("/sold?size=50", "a b&c=d+e/%", "/sold?size=50&after%20key=a%20b%26c%3Dd%2Be/%25"),
        ("/sold", 12_345, "/sold?after%20key=12345"),
        ("/sold", 0, "/sold?after%20key=0"),
        ("/sold", "M\u00e1laga", "/sold?after%20key=M%C3%A1laga"),
    ],
)
def test_the_token_comes_back_in_the_query(first: str, token: object, target: str) -> None:
    cursor = after(QUERY, token)

    assert Call(target) == QUERY.call(Call(first), cursor)


@pytest.mark.parametrize("token", ["abc", "13", 12, 0, 'a"b'])
@pytest.mark.parametrize("document", [{"size": 5}, {"page": None}, {"page": {"after": "x", "size": 50}}])
def test_the_token_comes_back_in_the_body_as_the_type_that_it_was(token: object, document: dict[str, object]) -> None:
    called = BODY.call(Call("/sold?a=1", document), after(BODY, token))

    assert ("POST", "/sold?a=1") == (called.method, called.target)
    assert called.body is not None
    sent = orjson.loads(called.body)
    assert (type(token), token) == (type(sent["page"]["after"]), sent["page"]["after"])
    page = document.get("page")
    kept = {**page, "after": token} if isinstance(page, dict) else {"after": token}
    assert {**document, "page": kept} == sent


@pytest.mark.parametrize("paginator", [QUERY, BODY])
def test_the_first_page_is_asked_for_as_the_stage_says(paginator: Paginator) -> None:
    first = Call("/sold?a=1", {"page": {"size": 50}})

    assert first == paginator.call(first, None)


@pytest.mark.parametrize("paginator", [QUERY, BODY])
@pytest.mark.parametrize(
    "document", [{}, {"meta": None}, {"meta": {}}, {"meta": {"next": None}}, {"meta": {"next": ""}}]
)
def test_without_a_token_the_page_was_the_last(paginator: Paginator, document: object) -> None:
    assert paginator.next_cursor(Fetched("/sold", "abc", {}, document, 50)) is None


@pytest.mark.parametrize("paginator", [QUERY, BODY])
@pytest.mark.parametrize(
    ("token", "cause", "is_terminal"),
    [
        (True, "malformed", False),
        (False, "malformed", False),
        (1.5, "malformed", False),
        ({}, "malformed", False),
        (["x"], "malformed", False),
        ("x" * (CURSOR_LENGTH_MAX + 1), "cursor_too_long", True),
        (TOKEN, "secret_in_cursor", True),
        (f"x{TOKEN}", "secret_in_cursor", True),
        ("short", "secret_in_cursor", True),
    ],
)
def test_a_token_that_cannot_be_used_is_named(
    paginator: Paginator, token: object, cause: str, *, is_terminal: bool
) -> None:
    assert (cause, is_terminal) == failure_of(paginator, token)


@pytest.mark.parametrize("paginator", [QUERY, BODY])
@pytest.mark.parametrize("token", ["abc", 7])
def test_the_same_token_twice_is_a_loop(paginator: Paginator, token: object) -> None:
    assert ("paginator_loop", True) == failure_of(paginator, token, after(paginator, token))


def test_a_short_secret_inside_of_a_token_is_there_by_chance() -> None:
    assert "shortly" == after(QUERY, "shortly")


@given(st.text(min_size=1, max_size=CURSOR_LENGTH_MAX))
def test_any_token_makes_a_request_line_that_can_be_sent(token: str) -> None:
    target = QUERY.call(Call("/sold"), after(QUERY, token)).target

    assert target.isascii()
    assert target.isprintable()
    assert " " not in target


def test_a_body_template_puts_values_into_texts_and_leaves_everything_else_alone() -> None:
    template = JsonTemplate(
        {"who": "{agent_key}", "in": ["{{x}}", 5, None, True, {"q": "id eq '{agent_key}'"}], "n": 1.5}
    )

    assert {
        "who": "O'B\"",
        "in": ["{x}", 5, None, True, {"q": "id eq 'O''B\"'"}],
        "n": 1.5,
    } == template.render({"agent_key": "O'B\""})


@pytest.mark.parametrize("number", [-(2**63), 2**64 - 1])
def test_any_whole_number_of_json_is_a_token(number: int) -> None:
    assert str(number) == after(QUERY, number) == after(BODY, number)


@pytest.mark.parametrize("paginator", [QUERY, BODY])
@pytest.mark.parametrize("number", [-(2**63) - 1, 2**64, 10**5_000], ids=["small", "large", "long"])
def test_a_number_that_no_json_holds_is_no_token(paginator: Paginator, number: int) -> None:
    # No answer holds it, but an expression such as sum() makes it of what an answer holds.
    assert ("malformed", False) == failure_of(paginator, number)
