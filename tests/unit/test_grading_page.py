"""docs/grading.md is read by people who never see the code: what it tabulates is checked against the code."""

import re
from decimal import Decimal

import pytest
import yaml

from prograde.domain.aggregation import Aggregate, Attribution, add_sold
from prograde.domain.grading import DEFAULT_RUBRIC, Tier
from prograde.domain.money import dollars_text, sides_text
from prograde.domain.professional import State, StopReason
from prograde.entrypoints.parameters import parse_parameters
from tests.house.checkout import ROOT
from tests.unit.examples import AS_OF, PARAMETERS, SALE

PAGE = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the body of the first table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_page_names_the_default_tiers_and_their_bounds() -> None:
    stated = [(name, int(re.sub(r"\D", "", bound) or 0) * 100) for name, bound, _ in table("The default tiers")]

    assert [(tier.name, tier.minimum_cents) for tier in DEFAULT_RUBRIC.tiers] == stated


def test_the_page_explains_every_stop_reason() -> None:
    rows = table("Why a professional stopped")

    assert [f"`{reason}`" for reason in StopReason] == [row[0] for row in rows]
    assert {f"`{state}`" for state in State if state is not State.OPEN} == {row[2] for row in rows}


def test_the_page_states_the_default_limits() -> None:
    stated = dict(re.findall(r"`(\w+)` \((\d+)\)", PAGE))

    assert {"failure_limit", "outage_patience_minutes", "page_limit"} == stated.keys()
    assert [getattr(PARAMETERS, name) for name in stated] == [int(number) for number in stated.values()]


def test_the_pages_tiers_are_a_rubric() -> None:
    found = re.search(r"```yaml\n(.+?)```", PAGE, flags=re.DOTALL)
    assert found is not None

    parameters, problems = parse_parameters(yaml.safe_load(found[1]), AS_OF)

    assert [] == problems
    assert (
        Tier("Top", 20_000_000_00, 49, 3, 90),
        Tier("Solid", 5_000_000_00, None, None, 180),
        Tier("Rest"),
    ) == parameters.rubric.tiers


@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize(("row", "agent"), [(0, "Ada"), (1, "Ben")])
def test_the_pages_worked_example_is_right(row: int, agent: str, column: int) -> None:
    section = PAGE.split("*Example.*")[1]
    stated = [line.strip("|").split("|") for line in section.splitlines() if line.startswith(("| Ada", "| Ben"))]
    house = SALE._replace(
        close_price_cents=600_000_00,
        list_agent="Ada",
        co_list_agent="Ben",
        buyer_agent="Ada",
        co_buyer_agent=None,
    )

    figures = add_sold(Aggregate(), [house], agent, tuple(Attribution)[column], PARAMETERS.window)

    sides, dollars = re.findall(r"[\d.,]+\d|\d", stated[row][column + 1])
    assert sides_text(figures.half_sides) == sides
    assert Decimal(dollars_text(figures.half_cents)) == Decimal(dollars.replace(",", ""))
