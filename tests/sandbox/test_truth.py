"""The truth is held against sums over what the API answers, done the simplest way there is."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import pytest

from prograde.sandbox import Agent, Listing, Market, SandboxServer, Tally, reckon
from prograde.sandbox.truth import decimal_text, truth_json
from tests.sandbox.client import ask, every_record

MOMENT = datetime(2026, 6, 1, tzinfo=UTC)

Share: TypeAlias = Callable[[str, set[str], set[str], dict[str, Any]], Fraction]

SHARES: dict[str, Share] = {
    "split": lambda key, sellers, buyers, _: (
        Fraction(key in sellers, max(1, len(sellers))) + Fraction(key in buyers, max(1, len(buyers)))
    ),
    "full": lambda key, sellers, buyers, _: Fraction((key in sellers) + (key in buyers)),
    "list_only": lambda key, _sellers, _buyers, record: Fraction(record["ListAgentKey"] == key),
}


@pytest.fixture(scope="module")
def records(server: SandboxServer) -> list[dict[str, Any]]:
    return every_record(server, "Property", top=1000)


@pytest.mark.parametrize("rule", SHARES)
def test_the_truth_is_the_sum_of_what_the_api_answers(market: Market, records: list[dict[str, Any]], rule: str) -> None:
    truth = json.loads("".join(truth_json(market, reckon(market))))

    assert truth["as_of"] == "2026-11-20"
    assert truth["cutoff"] == "2025-11-20"
    assert [agent.key for agent in market.agents] == list(truth["agents"])
    for agent in market.agents:
        assert summed(agent.key, records, SHARES[rule]) == truth["agents"][agent.key][rule]


def summed(key: str, records: list[dict[str, Any]], share: Share) -> dict[str, object]:
    credited: list[tuple[Fraction, dict[str, Any]]] = []
    for record in records:
        if record["StandardStatus"] != "Closed" or "Lease" in record["PropertyType"]:
            continue
        if not "2025-11-20" <= record["CloseDate"] <= "2026-11-20":
            continue
        sellers = {record["ListAgentKey"], record["CoListAgentKey"]} - {None}
        buyers = {record["BuyerAgentKey"], record["CoBuyerAgentKey"]} - {None}
        if part := share(key, sellers, buyers, record):
            credited.append((part, record))
    volume = sum(part * Fraction(str(record["ClosePrice"])) for part, record in credited if record["ClosePrice"])
    unpriced = sum(part for part, record in credited if record["ClosePrice"] is None)
    closes = sorted(record["CloseDate"] for _, record in credited)
    return {
        "volume": plain(Fraction(volume), 2),
        "sides": plain(Fraction(sum(part for part, _ in credited)), 0),
        "transactions": len(credited),
        "unpriced_sides": plain(Fraction(unpriced), 0),
        "first_close": closes[0] if closes else None,
        "last_close": closes[-1] if closes else None,
    }


def plain(number: Fraction, places: int) -> str:
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    shown = max(places, -int(exact.normalize().as_tuple().exponent)) if exact else places
    return f"{exact:.{shown}f}"


def test_active_listings_are_those_of_the_list_side(market: Market, records: list[dict[str, Any]]) -> None:
    truth = json.loads("".join(truth_json(market, reckon(market))))["agents"]
    for agent in market.agents:
        active = [
            Fraction(str(record["ListPrice"]))
            for record in records
            if record["StandardStatus"] == "Active" and agent.key in (record["ListAgentKey"], record["CoListAgentKey"])
        ]

        assert len(active) == truth[agent.key]["active_listings"]
        assert f"{float(sum(active)):.2f}" == truth[agent.key]["active_volume"]


def test_a_member_shows_its_true_statistics(market: Market, server: SandboxServer) -> None:
    productions = reckon(market)
    for agent in market.agents[:20]:
        member = ask(f"{server.reso_url}/Member('{agent.key}')").body
        production = productions[agent.key]

        assert production.split.volume_cents / 100 == Fraction(str(member["X_Last12MonthsVolume"]))
        assert production.split.sides == Fraction(str(member["X_Last12MonthsSides"]))
        assert production.active_listings == member["X_ActiveListings"]
        assert str(production.last_sale_date) == str(member["X_LastSaleDate"])


def test_a_side_is_shared_by_the_agents_on_it_and_both_sides_add() -> None:
    market = market_of(sale("A", co_list="B", buyer="A", cents=100_01))

    productions = reckon(market)

    assert (Fraction(3, 2) * 100_01, Fraction(3, 2)) == credit_of(productions["A"].split)
    assert (Fraction(1, 2) * 100_01, Fraction(1, 2)) == credit_of(productions["B"].split)
    assert (Fraction(2 * 100_01), Fraction(2)) == credit_of(productions["A"].full)
    assert (Fraction(100_01), Fraction(1)) == credit_of(productions["A"].list_only)
    assert (Fraction(0), Fraction(0)) == credit_of(productions["B"].list_only)


def test_an_agent_in_both_slots_of_a_side_is_alone_on_it() -> None:
    assert (Fraction(100), Fraction(1)) == credit_of(reckon(market_of(sale("A", co_list="A", cents=100)))["A"].split)


def test_half_a_cent_is_written_out() -> None:
    assert decimal_text(Fraction(100_01, 200), places=2) == "50.005"
    assert decimal_text(Fraction(100), places=2) == "100.00"
    assert decimal_text(Fraction(7, 2)) == "3.5"


def test_a_third_is_not_rounded_but_refused() -> None:
    with pytest.raises(ValueError, match="three decimals"):
        decimal_text(Fraction(1, 3))


def credit_of(tally: Tally) -> tuple[Fraction, Fraction]:
    return tally.volume_cents, tally.sides


def sale(list_agent: str, *, cents: int, co_list: str | None = None, buyer: str | None = None) -> Listing:
    return Listing(
        key="L1",
        listing_id="L1",
        status="Closed",
        property_type="Residential",
        list_price_cents=cents,
        original_list_price_cents=cents,
        close_price_cents=cents,
        close_date=date(2026, 6, 1),
        on_market_date=date(2026, 5, 1),
        list_agent=list_agent,
        co_list_agent=co_list,
        buyer_agent=buyer,
        list_office="",
        city=None,
        state="WA",
        postal_code="",
        modified_at=MOMENT,
    )


def market_of(*listings: Listing) -> Market:
    agents = tuple(
        Agent(key, "", "", None, None, is_active=True, licence="", office="", city="", state="", modified_at=MOMENT)
        for key in ("A", "B")
    )
    return Market(agents, listings, date(2026, 11, 20))
