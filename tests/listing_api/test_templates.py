from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.templates import parse_template
from prograde.domain.professional import Stage
from tests.listing_api.source_texts import page_request, source

VALUES = {"professional_id": "K1", "agent_key": "O'Brien", "cutoff": "2025-11-20", "as_of": "2026-11-20"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MemberKey eq '{agent_key}'", "MemberKey eq 'O''Brien'"),
        ("name is {agent_key}", "name is O'Brien"),
        ("a eq 'it''s' and b eq '{agent_key}'", "a eq 'it''s' and b eq 'O''Brien'"),
        ("a eq '{agent_key}' and b eq {agent_key}", "a eq 'O''Brien' and b eq O'Brien"),
        ("{cutoff}/{as_of}", "2025-11-20/2026-11-20"),
        ("{{literal}} {professional_id}", "{literal} K1"),
        ("", ""),
    ],
)
def test_a_parameter_is_rendered_with_quotes_doubled_inside_quotes_only(text: str, expected: str) -> None:
    assert expected == unquote(parse_template(text).query(VALUES))


@pytest.mark.parametrize("text", ["{nobody}", "{}", "{ agent_key }", "{agent_key", "agent_key}", "{agent_key}}"])
def test_braces_that_are_no_placeholder_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="placeholder"):
        parse_template(text)


@given(st.text())
def test_a_value_stays_in_its_parameter_whatever_it_holds(value: str) -> None:
    rendered = parse_template("{agent_key}").query({**VALUES, "agent_key": value})

    assert value == unquote(rendered)
    assert not set(rendered) & set("&=+#; ")


@given(st.text())
def test_a_value_in_a_path_stays_in_its_segment(value: str) -> None:
    path = parse_template("agents/{agent_key}/sold").path({**VALUES, "agent_key": value})

    before, segment, after = path.split("/")
    assert ("agents", "sold") == (before, after)
    assert not set(segment) & set("?#\\ ")
    assert segment not in (".", "..")


def test_dots_that_would_leave_the_folder_are_encoded() -> None:
    path = parse_template("agents/{agent_key}").path({**VALUES, "agent_key": ".."})

    assert "agents/%2E%2E" == path


def test_a_stage_asks_below_the_base_url_with_its_parameters_encoded() -> None:
    stage = source().stages[Stage.HISTORICAL]

    expected = (
        "/reso/odata/Property?$filter=ListAgentKey%20eq%20'O''B%26x'"
        "%20and%20CloseDate%20ge%202025-11-20%20and%20CloseDate%20le%202026-11-20"
    )
    assert expected == stage.call(page_request(agent_key="O'B&x")).target


def test_a_key_in_a_path_literal_is_quoted_and_encoded() -> None:
    stage = source().stages[Stage.PROFILE]

    call = stage.call(page_request(Stage.PROFILE, professional_id="a/b'c"))

    assert ("GET", "/reso/odata/Member('a%2Fb%27%27c')", None) == (call.method, call.target, call.body)
