"""
What every agent has really done, reckoned listing by listing in exact fractions.

This is the answer that a pipeline's figures are held against, so it shares no code with one. An agent's side counts
once however many slots the agent fills on it. A sale is closed, no lease, and closes within the window, its two ends
included. A sale without a price counts as a side and adds no volume.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from prograde.sandbox.market import Listing, Market

_LEASES = frozenset({"Residential Lease", "Commercial Lease"})


@dataclass(slots=True)
class Tally:
    """What one attribution rule credits an agent with over the window."""

    volume_cents: Fraction = Fraction(0)
    sides: Fraction = Fraction(0)
    unpriced_sides: Fraction = Fraction(0)
    transactions: int = 0
    first_close: date | None = None
    last_close: date | None = None

    def credit(self, listing: Listing, share: Fraction, closed_on: date) -> None:
        """Add one sale, of which the agent has this many sides; none is no sale of theirs."""
        if not share:
            return
        self.transactions += 1
        self.sides += share
        if listing.close_price_cents is None:
            self.unpriced_sides += share
        else:
            self.volume_cents += share * listing.close_price_cents
        self.first_close = min(self.first_close or closed_on, closed_on)
        self.last_close = max(self.last_close or closed_on, closed_on)


@dataclass(slots=True)
class Production:
    """One agent's true figures; `last_sale_date` alone looks back beyond the window."""

    split: Tally = field(default_factory=Tally)
    full: Tally = field(default_factory=Tally)
    list_only: Tally = field(default_factory=Tally)
    active_listings: int = 0
    active_volume_cents: int = 0
    last_sale_date: date | None = None


Productions: TypeAlias = Mapping[str, Production]


def reckon(market: Market) -> Productions:
    """The figures of every agent of the market, those with nothing included."""
    productions = {agent.key: Production() for agent in market.agents}
    for listing in market.listings:
        for agent_key in sorted(listing.agents & productions.keys()):
            _reckon_listing(productions[agent_key], agent_key, listing, market)
    return productions


def _reckon_listing(production: Production, agent_key: str, listing: Listing, market: Market) -> None:
    if listing.status == "Active" and agent_key in listing.list_side:
        production.active_listings += 1
        production.active_volume_cents += listing.list_price_cents
    closed_on = listing.close_date
    if listing.status != "Closed" or listing.property_type in _LEASES or closed_on is None or closed_on > market.as_of:
        return
    production.last_sale_date = max(production.last_sale_date or closed_on, closed_on)
    if closed_on < market.cutoff:
        return
    sides = [side for side in (listing.list_side, listing.buyer_side) if agent_key in side]
    production.split.credit(listing, sum((Fraction(1, len(side)) for side in sides), Fraction(0)), closed_on)
    production.full.credit(listing, Fraction(len(sides)), closed_on)
    production.list_only.credit(listing, Fraction(agent_key == listing.list_agent), closed_on)


def truth_json(market: Market, productions: Productions) -> Iterator[str]:
    """The truth file, piece by piece: one JSON object, agents in the order of their keys."""
    yield f'{{"as_of": "{market.as_of}", "cutoff": "{market.cutoff}", "agents": {{'
    for number, (agent_key, production) in enumerate(sorted(productions.items())):
        yield "\n" if number == 0 else ",\n"
        yield f"{json.dumps(agent_key)}: {json.dumps(_production_json(production))}"
    yield "\n}}\n"


def _production_json(production: Production) -> dict[str, object]:
    return {
        "split": _tally_json(production.split),
        "full": _tally_json(production.full),
        "list_only": _tally_json(production.list_only),
        "active_listings": production.active_listings,
        "active_volume": decimal_text(Fraction(production.active_volume_cents, 100), places=2),
    }


def _tally_json(tally: Tally) -> dict[str, object]:
    return {
        "volume": decimal_text(tally.volume_cents / 100, places=2),
        "sides": decimal_text(tally.sides),
        "transactions": tally.transactions,
        "unpriced_sides": decimal_text(tally.unpriced_sides),
        "first_close": tally.first_close and tally.first_close.isoformat(),
        "last_close": tally.last_close and tally.last_close.isoformat(),
    }


def decimal_text(number: Fraction, places: int = 0) -> str:
    """
    A number that halves can make, written out exactly with at least so many decimal places.

    Raises ValueError where three decimals cannot hold it: rounding would be a lie.
    """
    thousandths = number * 1000
    if thousandths.denominator != 1 or number < 0:
        raise ValueError(f"{number} cannot be written with three decimals")
    whole, remainder = divmod(thousandths.numerator, 1000)
    decimals = f"{remainder:03d}".rstrip("0").ljust(places, "0")
    return f"{whole}.{decimals}" if decimals else str(whole)
