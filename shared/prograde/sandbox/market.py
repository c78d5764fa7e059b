"""A market: the agents, and the listings that they are on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WINDOW_DAYS = 365
"""The length of the window that statistics look at, back from the market's date."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One professional, as a Member record will show them."""

    key: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    is_active: bool
    licence: str
    office: str
    city: str
    state: str
    modified_at: datetime

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One property offered, and perhaps sold; money is in whole cents."""

    key: str
    listing_id: str
    status: str
    property_type: str
    list_price_cents: int
    original_list_price_cents: int
    close_price_cents: int | None = None
    close_date: date | None = None
    on_market_date: date
    list_agent: str
    co_list_agent: str | None = None
    buyer_agent: str | None = None
    co_buyer_agent: str | None = None
    list_office: str
    city: str | None
    state: str
    postal_code: str
    modified_at: datetime

    @property
    def list_side(self) -> frozenset[str]:
        """The agents who list it, each once."""
        return frozenset(filter(None, (self.list_agent, self.co_list_agent)))

    @property
    def buyer_side(self) -> frozenset[str]:
        """The agents who bring the buyer, each once."""
        return frozenset(filter(None, (self.buyer_agent, self.co_buyer_agent)))

    @property
    def agents(self) -> frozenset[str]:
        """Every agent who is on it in any slot."""
        return self.list_side | self.buyer_side


@dataclass(frozen=True, slots=True)
class Market:
    """Agents and listings, both in the order of their keys, as they stand on `as_of`."""

    agents: tuple[Agent, ...]
    listings: tuple[Listing, ...]
    as_of: date

    @property
    def cutoff(self) -> date:
        """The first day of the statistics' window."""
        return self.as_of - timedelta(days=WINDOW_DAYS)

    def listings_of(self, agent_key: str) -> Iterator[Listing]:
        """The listings that one agent is on; scans the market."""
        return (listing for listing in self.listings if agent_key in listing.agents)
