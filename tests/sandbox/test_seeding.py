import os
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from prograde.sandbox import Listing, Market, reckon, seeded_market
from prograde.sandbox.people import AGENTS_MAX

AS_OF = date(2026, 11, 20)
LOWER_BOUNDS = [500_000, 2_500_000, 5_500_000, 16_000_000, 40_000_000]

PECULIARITIES: dict[str, Callable[[Listing], bool]] = {
    "a lease that closed": lambda it: it.status == "Closed" and it.property_type == "Residential Lease",
    "withdrawn with a stale price": lambda it: it.status == "Withdrawn" and it.close_price_cents is not None,
    "closed without a price": lambda it: it.status == "Closed" and it.close_price_cents is None,
    "closed after the market's date": lambda it: it.close_date is not None and it.close_date > AS_OF,
    "closed on the market's date": lambda it: it.close_date == AS_OF,
    "closed on the cutoff": lambda it: it.close_date == AS_OF - timedelta(days=365),
    "closed on the day before it": lambda it: it.close_date == AS_OF - timedelta(days=366),
    "one agent on both sides": lambda it: bool(it.list_side & it.buyer_side),
    "one agent in both slots of a side": lambda it: it.list_agent == it.co_list_agent,
    "co-agents on both sides": lambda it: len(it.list_side) == len(it.buyer_side) == 2,
    "a price with cents": lambda it: (it.close_price_cents or 0) % 100 != 0,
    "active": lambda it: it.status == "Active" and it.close_date is None,
    "pending": lambda it: it.status == "Pending",
}


@pytest.fixture(scope="module")
def hundred() -> Market:
    return seeded_market(100, 7, AS_OF)


@pytest.mark.parametrize("peculiarity", PECULIARITIES)
def test_every_peculiarity_is_there(hundred: Market, peculiarity: str) -> None:
    assert sum(map(PECULIARITIES[peculiarity], hundred.listings)) >= 5


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_a_hundred_agents_reach_every_grade(seed: int) -> None:
    productions = reckon(seeded_market(100, seed, AS_OF)).values()

    grades = Counter(bisect_right(LOWER_BOUNDS, production.split.volume_cents / 100) for production in productions)

    assert set(range(6)) == set(grades)


def test_somebody_closes_hundreds_of_sales_in_the_window_and_none_more_than_nineteen_pages(hundred: Market) -> None:
    closed = Counter(key for it in hundred.listings if it.status == "Closed" for key in it.agents)
    in_window = max(production.full.transactions for production in reckon(hundred).values())

    assert in_window > 200
    assert max(closed[agent.key] for agent in hundred.agents) <= 19 * 50


def test_somebody_has_nothing_and_somebody_is_inactive(hundred: Market) -> None:
    busy = {key for it in hundred.listings for key in it.agents}

    assert [agent for agent in hundred.agents if agent.key not in busy]
    assert [agent for agent in hundred.agents if not agent.is_active]


@pytest.mark.parametrize("awkward", [",", '"', "'", "é", "山", "="])
def test_names_hold_what_breaks_careless_exports(hundred: Market, awkward: str) -> None:
    assert [agent for agent in hundred.agents if awkward in agent.full_name]


def test_names_and_phones_begin_like_formulas(hundred: Market) -> None:
    assert {"=", "+", "@"} <= {agent.first_name[0] for agent in hundred.agents}
    assert "=SUM(A1)" in {agent.last_name for agent in hundred.agents}
    assert [agent for agent in hundred.agents if agent.phone and agent.phone.startswith("+")]


def test_nobody_can_be_reached(hundred: Market) -> None:
    assert all(agent.email is None or agent.email.endswith("@example.com") for agent in hundred.agents)
    assert all(agent.phone is None or "555-01" in agent.phone for agent in hundred.agents)


def test_the_same_arguments_give_the_same_market_whatever_the_hash_seed() -> None:
    program = (
        "from datetime import date; from hashlib import sha256; from prograde.sandbox import seeded_market;"
        "print(sha256(repr(seeded_market(30, 5, date(2026, 11, 20))).encode()).hexdigest())"
    )

    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1


def test_another_seed_is_another_market() -> None:
    assert seeded_market(10, 1, AS_OF) != seeded_market(10, 2, AS_OF)


@pytest.mark.parametrize("agents", [1, 2, 3])
def test_a_tiny_market_can_be_made(agents: int) -> None:
    assert agents == len(seeded_market(agents, 1, AS_OF).agents)


@pytest.mark.parametrize("agents", [0, -1, AGENTS_MAX + 1])
def test_an_impossible_number_of_agents_is_refused(agents: int) -> None:
    with pytest.raises(ValueError, match="agents must be between"):
        seeded_market(agents, 1, AS_OF)
