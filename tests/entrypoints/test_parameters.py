import json
from datetime import date
from typing import Any

import pytest

from prograde.domain.aggregation import Attribution
from prograde.domain.batch import Parameters
from prograde.domain.export import written_parameters
from prograde.domain.grading import DEFAULT_RUBRIC, Rubric, Tier
from prograde.entrypoints.parameters import amounts_without_quotes, parse_parameters
from prograde.errors import Problem

TODAY = date(2026, 11, 21)


def test_nothing_given_is_every_default() -> None:
    expected = Parameters(as_of=TODAY, cutoff=date(2025, 11, 21), rubric=DEFAULT_RUBRIC)
    assert (expected, []) == parse_parameters({}, TODAY)


def test_every_parameter_reaches_the_run() -> None:
    parameters, problems = parse_parameters(
        {
            "as_of": "2026-06-30",
            "cutoff": "2026-01-01",
            "tiers": [
                {
                    "name": "Top",
                    "minimum_volume": "$1,500,000.50",
                    "minimum_sides": 2.5,
                    "minimum_active_listings": 1,
                    "maximum_days_since_last_sale": 90,
                },
                {"name": "Rest"},
            ],
            "attribution": "full",
            "include_active": True,
            "tiers_to_process": ["Top"],
            "early_stop": False,
            "failure_limit": 2,
            "page_limit": 3,
            "outage_patience_minutes": 30,
            "promised_hours": 12,
        },
        TODAY,
    )
    assert [] == problems
    assert parameters == Parameters(
        as_of=date(2026, 6, 30),
        cutoff=date(2026, 1, 1),
        rubric=Rubric((Tier("Top", 150_000_050, 5, 1, 90), Tier("Rest"))),
        attribution=Attribution.FULL,
        tiers_to_process=("Top",),
        early_stop=False,
        failure_limit=2,
        page_limit=3,
        outage_patience_minutes=30,
        promised_hours=12,
    )
    written = json.loads(json.dumps(written_parameters(parameters), default=str))
    assert (parameters, []) == parse_parameters(written, TODAY), "what a manifest says starts the same run again"


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"as_of": 20260630}, ["as_of"]),
        ({"as_of": True}, ["as_of"]),
        ({"page_limit": True}, ["page_limit"]),
        ({"page_limit": 2.5}, ["page_limit"]),
        ({"tiers": []}, ["tiers"]),
        ({"tiers": "A+"}, ["tiers"]),
        ({"tiers": [{"name": "../A"}, {"name": "F"}]}, ["tiers[0].name"]),
        ({"tiers": [{"name": "A", "minimum_volume": 1, "volume": 2}, {"name": "F"}]}, ["tiers[0].volume"]),
        ({"tiers": [{"name": "A", "minimum_sides": 0.3}, {"name": "F"}]}, ["tiers[0].minimum_sides"]),
        ({"tiers": [{"name": "A", "minimum_volume": "nan"}, {"name": "F"}]}, ["tiers[0].minimum_volume"]),
        ({"tiers": [{"name": "A", "minimum_volume": 1}, {"name": "a"}]}, ["tiers[1].name"]),
        (
            {"include_active": False, "tiers": [{"name": "A", "minimum_active_listings": 1}, {"name": "F"}]},
            ["include_active"],
        ),
        ({"promised_hours": 0}, ["promised_hours"]),
        ({"outage_patience_minutes": -1}, ["outage_patience_minutes"]),
        ({"outage_patience_minutes": 7 * 24 * 60 + 1}, ["outage_patience_minutes"]),
        ({"failure_limit": 0, "pages": 3, "cutoff": "2027-01-01"}, ["failure_limit", "pages", "cutoff"]),
    ],
)
def test_each_mistake_is_named_by_its_key_and_all_at_once(given: dict[str, Any], fields: list[str]) -> None:
    _, problems = parse_parameters(given, TODAY)
    assert sorted(fields) == sorted(problem.field for problem in problems)


def test_a_misspelt_key_is_told_its_likely_spelling() -> None:
    _, problems = parse_parameters({"tiers_to_proces": []}, TODAY)
    assert "did you mean tiers_to_process?" in problems[0].remedy


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("40000000", 4_000_000_000), ("$40,000,000", 4_000_000_000), (" 1,500.5 ", 150_050), (2.5, 250)],
)
def test_an_amount_is_read_as_people_write_it(typed: object, cents: int) -> None:
    parameters, problems = parse_parameters({"tiers": [{"name": "A", "minimum_volume": typed}, {"name": "F"}]}, TODAY)
    assert ([], cents) == (problems, parameters.rubric.tiers[0].minimum_cents)


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("$40M", "write 40000000"),
        ("1.5m", "write 1500000"),
        ("1,500k", "write 1500000"),
        ("2 million", "write 2000000"),
        ("40,00", "must be a number"),
        ("5x", "must be a number"),
    ],
)
def test_an_amount_that_is_none_is_told_once_with_what_to_write(typed: str, remedy: str) -> None:
    given = {"tiers": [{"name": "Top", "minimum_volume": typed}, {"name": "F"}], "tiers_to_process": ["Top"]}
    assert [Problem("tiers[0].minimum_volume", typed, remedy)] == parse_parameters(given, TODAY)[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"minimum_volume": 40,000,000}', [Problem("minimum_volume", "40,000,000", "write 40000000")]),
        ("[{minimum_volume: $40M}]", [Problem("minimum_volume", "$40M", "write 40000000")]),
        ('{"minimum_volume": 40000000 , "minimum_sides": 2.5}', []),
        ('{"name": "40,000,000"}', []),
        ("minimum_volume: 40,000,000\n", []),
    ],
)
def test_an_amount_that_commas_take_apart_is_found(text: str, told: list[Problem]) -> None:
    assert told == amounts_without_quotes(text)
