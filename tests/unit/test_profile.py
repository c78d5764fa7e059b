from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.profile import TEXT_LENGTH_MAX, Profile, Statistics, parse_profile
from tests.unit.test_listing import json_values

TEXT_FIELDS = ["first_name", "last_name", "full_name", "email", "phone", "office", "city", "state", "license"]
FIELDS = [*TEXT_FIELDS, "agent_key", "stated_volume", "stated_sides", "stated_active", "stated_last_close"]


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        ({"full_name": "Ada Byron"}, ("Ada", "Byron", "Ada Byron")),
        ({"full_name": "Ada King Byron Jr."}, ("Ada", "King Byron Jr.", "Ada King Byron Jr.")),
        ({"full_name": "  Ada \t Byron "}, ("Ada", "Byron", "Ada Byron")),
        ({"full_name": "Cher"}, ("", "Cher", "Cher")),
        ({"first_name": "Ada", "last_name": "Byron"}, ("Ada", "Byron", "Ada Byron")),
        ({"last_name": "Byron"}, ("", "Byron", "Byron")),
        ({"first_name": "Ada"}, ("Ada", "", "Ada")),
        ({"first_name": "Ada", "full_name": "Countess Lovelace"}, ("Ada", "", "Countess Lovelace")),
        ({}, ("", "", "")),
    ],
)
def test_a_name_is_split_at_its_first_space_only_where_it_comes_whole(
    given_names: dict[str, object], expected: tuple[str, str, str]
) -> None:
    profile = parse_profile(given_names)

    assert expected == (profile.first_name, profile.last_name, profile.full_name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("North\r\nSide", "North Side"),
        ("a\x00b\x1bc", "a b c"),
        ("a\u2028b", "a b"),
        ("a\ud800b", "a b"),
        ("\ufeffAgency\u200b", "Agency"),
        ("Müller & Söhne 漢", "Müller & Söhne 漢"),
        ("x" * 300, "x" * TEXT_LENGTH_MAX),
        ("x" * (TEXT_LENGTH_MAX - 1) + " y", "x" * (TEXT_LENGTH_MAX - 1)),
        (2065550100, "2065550100"),
        (1.5, "1.5"),
        (True, ""),
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (10**5000, ""),
        (["North Side"], ""),
        ({"name": "North Side"}, ""),
    ],
    ids=range(17),
)
def test_a_text_is_one_printable_line(value: object, expected: str) -> None:
    assert expected == parse_profile({"office": value}).office


@pytest.mark.parametrize(
    ("value", "expected"), [("K1", "K1"), (17, "17"), (" K  1 ", "K  1"), ("K\x00", ""), (None, ""), (1.5, "")]
)
def test_the_agent_key_reads_as_listings_read_theirs(value: object, expected: str) -> None:
    assert expected == parse_profile({"agent_key": value}).agent_key


def test_the_statistics_that_a_profile_states_are_exact() -> None:
    record = {
        "stated_volume": "1234567.89",
        "stated_sides": 12.5,
        "stated_active": "7",
        "stated_last_close": "2026-03-01T10:00:00Z",
    }

    statistics = parse_profile(record).statistics

    assert Statistics(2 * 1_234_567_89, 25, 7, date(2026, 3, 1)) == statistics


@pytest.mark.parametrize("value", [None, "", "n/a", -1, True, [], float("nan"), "2026-02-30"])
def test_a_statistic_that_cannot_be_read_is_not_stated(value: object) -> None:
    record = dict.fromkeys(["stated_volume", "stated_sides", "stated_active", "stated_last_close"], value)

    assert Statistics() == parse_profile(record).statistics


def test_a_stated_zero_is_not_the_same_as_nothing_stated() -> None:
    assert Statistics(half_cents=0, half_sides=0) == parse_profile({"stated_volume": 0, "stated_sides": 0}).statistics


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_record_becomes_a_profile_that_can_be_written(record: dict[str, object]) -> None:
    profile = parse_profile(record)

    assert isinstance(profile, Profile)
    for field in TEXT_FIELDS:
        text = getattr(profile, field)
        assert text.isprintable()
        assert text == text.strip()
        text.encode()
