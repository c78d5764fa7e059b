from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.professional import Stage
from tests.fuzz.answers import (
    HEADER_VALUES,
    HEADERS,
    MEMBER,
    PAGE,
    SALE,
    TOKENS,
    answers,
    nearly_right,
    written,
)
from tests.fuzz.effort import effort
from tests.fuzz.journey import Journey, journey
from tests.fuzz.paginated_sources import PAGINATORS
from tests.listing_api.answering_server import http_answer

READ_BY = {
    "value": ("single_page", "header_link"),
    "@odata.nextLink": ("json_link",),
    "total": ("page_number", "offset"),
    "cursor": ("cursor", "cursor_in_body"),
    "numbers": ("computed",),
}
paginators = st.sampled_from(PAGINATORS)
stages = st.sampled_from(Stage)


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Every answer of this module meets the same warehouse, which is read back at the end."""
    with journey(tmp_path_factory.mktemp("warehouse")) as lent:
        yield lent


@pytest.mark.parametrize("key", PAGE)
def test_whatever_stands_in_a_page_is_an_outcome(through: Journey, key: str) -> None:
    for token in TOKENS:
        for paginator in READ_BY[key]:
            through.meet(paginator, Stage.HISTORICAL, http_answer(written({**PAGE, key: token})))


@pytest.mark.parametrize("key", SALE)
def test_whatever_stands_in_a_record_is_an_outcome(through: Journey, key: str) -> None:
    for token in TOKENS:
        body = written({**PAGE, "value": [{**SALE, key: token}, SALE]})
        through.meet("single_page", Stage.ACTIVE, http_answer(body))
        through.meet("computed", Stage.HISTORICAL, http_answer(body))


@pytest.mark.parametrize("key", MEMBER)
def test_whatever_stands_in_a_profile_is_an_outcome(through: Journey, key: str) -> None:
    for token in TOKENS:
        through.meet("json_link", Stage.PROFILE, http_answer(written({"value": [{**MEMBER, key: token}]})))


@pytest.mark.parametrize("status", [200, 401, 429, 500])
def test_whatever_a_body_is_it_is_an_outcome(through: Journey, status: int) -> None:
    for token in TOKENS:
        for body in (token, {"error": token}, {"D": {"Message": token}}):
            through.meet("json_link", Stage.PROFILE, http_answer(written(body), f"{status} X"))


@pytest.mark.parametrize("header", HEADERS)
def test_whatever_stands_in_a_header_is_an_outcome(through: Journey, header: str) -> None:
    for value in HEADER_VALUES:
        for status in (302, 429) if header == "Location" else (200, 429):
            through.meet("header_link", Stage.ACTIVE, http_answer(written(PAGE), f"{status} X", [f"{header}: {value}"]))


@effort(150)
@given(paginators, stages, nearly_right)
def test_a_page_with_one_thing_wrong_is_an_outcome(through: Journey, paginator: str, stage: Stage, body: bytes) -> None:
    through.meet(paginator, stage, http_answer(body))


@effort(300)
@given(paginators, stages, answers())
def test_an_answer_that_lies_about_itself_is_an_outcome(
    through: Journey, paginator: str, stage: Stage, answer: bytes
) -> None:
    through.meet(paginator, stage, answer)


@effort(60)
@given(paginators, stages, st.binary(max_size=400))
def test_any_bytes_are_an_outcome(through: Journey, paginator: str, stage: Stage, answer: bytes) -> None:
    through.meet(paginator, stage, answer)
