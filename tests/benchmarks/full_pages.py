"""A market in which every agent's sold history is nineteen full pages, so that a run costs what its pages cost."""

from datetime import date, timedelta

from prograde.sandbox.market import Agent, Listing, Market
from prograde.sandbox.people import invent_agents, noon_utc

AS_OF = date(2025, 12, 31)
SEED = 7
RECORDS_A_PAGE = 50
HISTORY_PAGES = 19
PAGES_AN_AGENT = 1 + HISTORY_PAGES
"""The profile, and the sold history to prograde's default page limit."""

_LISTED_BY_EACH = RECORDS_A_PAGE * HISTORY_PAGES // 2
_SALES_DAYS = 365
_OUTSIDE_AGENT = "X900001"
_CO_LISTED_EVERY = 8
_CENTS_EVERY = 10


def full_pages_market(agents: int) -> Market:
    """Invent at least two agents, each with half of their sides as list agent and half as buyer agent."""
    people = invent_agents(agents, SEED, AS_OF)
    listings = tuple(
        _sale(place * _LISTED_BY_EACH + turn, agent, people[(place + 1 + turn % (agents - 1)) % agents])
        for place, agent in enumerate(people)
        for turn in range(_LISTED_BY_EACH)
    )
    return Market(people, listings, AS_OF)


def _sale(number: int, list_agent: Agent, buyer_agent: Agent) -> Listing:
    closed_on = AS_OF - timedelta(days=number * 7 % _SALES_DAYS)
    price_cents = 100_000_00 + number * 7_919_00 % 900_000_00 + (50 if number % _CENTS_EVERY == 0 else 0)
    return Listing(
        key=f"L{number:07d}",
        listing_id=f"25-{number:07d}",
        status="Closed",
        property_type="Residential",
        list_price_cents=price_cents,
        original_list_price_cents=price_cents,
        close_price_cents=price_cents,
        close_date=closed_on,
        on_market_date=closed_on - timedelta(days=60),
        list_agent=list_agent.key,
        co_list_agent=_OUTSIDE_AGENT if number % _CO_LISTED_EVERY == 0 else None,
        buyer_agent=buyer_agent.key,
        list_office=list_agent.office,
        city=list_agent.city,
        state=list_agent.state,
        postal_code="98101",
        modified_at=noon_utc(closed_on),
    )
