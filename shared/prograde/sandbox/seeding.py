"""
A market that is invented as a whole, with every awkward listing that a real feed has.

Production is heavy-tailed: of a hundred agents a few close hundreds of sides a year and half of them one or two.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from itertools import accumulate

from prograde.sandbox.market import WINDOW_DAYS, Agent, Listing, Market
from prograde.sandbox.people import invent_agents, noon_utc

_HISTORY_DAYS = 912
_SIDES_A_YEAR_MAX = 300
_SIDES_A_SALE = 1.6
_OUTSIDE_BUYER_SHARE = 0.35
_CO_AGENT_SHARE = 0.12
_OUTSIDE_AGENT = "X900001"
_TYPES = ("Residential",) * 9 + ("Residential Income", "Land", "Manufactured In Park")
_PLACES = (
    ("Seattle", "98103"), ("Seattle", "98118"), ("Bellevue", "98004"), ("Kirkland", "98033"), ("Renton", "98055"),
    ("Kent", "98030"), ("Redmond", "98052"), ("Coeur d'Alene", "83814"),
)  # fmt: skip
_OPEN_STATUSES = ("Active", "Active", "Active", "Active Under Contract", "Pending", "Coming Soon")

_CYCLE = 44


class _Peculiarity(Enum):
    """
    What one sale in each cycle has about it, by its place there.

    It is not left to chance, so that a market of a hundred agents has every one of them many times.
    """

    LEASE = 3
    WITHDRAWN_WITH_STALE_PRICE = 7
    UNPRICED = 11
    CLOSES_AFTER_AS_OF = 15
    DUAL_AGENCY = 19
    SAME_AGENT_IN_BOTH_SLOTS = 22
    CO_AGENTS_ON_BOTH_SIDES = 25
    CLOSES_ON_CUTOFF = 28
    CLOSES_BEFORE_CUTOFF = 31
    CLOSES_ON_AS_OF = 34
    PRICE_WITH_CENTS = 40


_PECULIARITIES = {peculiarity.value: peculiarity for peculiarity in _Peculiarity}


def seeded_market(agents: int, seed: int, as_of: date) -> Market:
    """
    Invent a market of so many agents, with two and a half years of history up to `as_of`.

    The same arguments give the same market, on every machine. Raises ValueError for a bad number of agents.
    """
    people = invent_agents(agents, seed, as_of)
    rng = random.Random(f"market:{seed}")
    producers = _producers(people, rng)
    years = _HISTORY_DAYS / WINDOW_DAYS
    sales = round(sum(producer.sides_a_year for producer in producers) * years / _SIDES_A_SALE)
    dealer = _Dealer(producers, rng, as_of)
    drafts = [dealer.sale(index) for index in range(sales)]
    drafts.extend(dealer.open_listings())
    rng.shuffle(drafts)  # keys must not follow dates, or paging by key would hide an ordering mistake
    listings = tuple(
        replace(draft, key=f"L{number:07d}", listing_id=f"26-{number:07d}") for number, draft in enumerate(drafts, 1)
    )
    return Market(people, listings, as_of)


@dataclass(frozen=True, slots=True)
class _Producer:
    """An agent with what they sell: sides a year, and the price of their usual home."""

    agent: Agent
    sides_a_year: int
    usual_price: int


def _producers(people: tuple[Agent, ...], rng: random.Random) -> tuple[_Producer, ...]:
    """Deal each agent a place in the ranking of the market; the last place sells nothing at all."""
    places = list(range(len(people)))
    rng.shuffle(places)
    return tuple(
        _Producer(agent, _sides_a_year(place, len(people)), rng.choice((260_000, 420_000, 550_000, 700_000, 1_100_000)))
        for agent, place in zip(people, places, strict=True)
    )


def _sides_a_year(place: int, count: int) -> int:
    if place == count - 1 > 0:
        return 0
    return min(_SIDES_A_YEAR_MAX, 3 * 2 * count // (2 * place + 1) - 2)


class _Dealer:
    """Draws listings one after another from one random sequence."""

    def __init__(self, producers: tuple[_Producer, ...], rng: random.Random, as_of: date) -> None:
        self._producers = producers
        self._weights = list(accumulate(producer.sides_a_year for producer in producers))
        self._rng = rng
        self._as_of = as_of
        self._cutoff = as_of - timedelta(days=WINDOW_DAYS)

    def sale(self, index: int) -> Listing:
        """The index-th closed listing, with the peculiarity that its place in the cycle gives it."""
        rng, peculiarity = self._rng, _PECULIARITIES.get(index % _CYCLE)
        seller = self._producer()
        price = self._price(seller)
        cents = rng.randrange(1, 100) if peculiarity is _Peculiarity.PRICE_WITH_CENTS else 0
        close_date = self._close_date(peculiarity)
        buyer = _OUTSIDE_AGENT if rng.random() < _OUTSIDE_BUYER_SHARE else self._producer().agent.key
        listing = replace(
            self._listing(seller, price, close_date - timedelta(days=rng.randrange(20, 120))),
            status="Closed",
            close_price_cents=price * rng.randrange(95, 103) // 100 // 100 * 100 + cents,
            close_date=close_date,
            co_list_agent=self._co_agent(seller.agent.key),
            buyer_agent=buyer,
            co_buyer_agent=self._co_agent(buyer),
            modified_at=noon_utc(min(close_date, self._as_of)),
        )
        return self._made_peculiar(listing, peculiarity)

    def open_listings(self) -> Iterator[Listing]:
        """What is on the market now, a few for each agent who sells at all."""
        for producer in self._producers:
            if not producer.sides_a_year or not producer.agent.is_active:
                continue
            for _ in range(self._rng.randrange(3 + producer.sides_a_year // 20)):
                on_market = self._as_of - timedelta(days=self._rng.randrange(1, 90))
                listing = self._listing(producer, self._price(producer), on_market)
                co_agent = self._co_agent(producer.agent.key)
                yield replace(listing, status=self._rng.choice(_OPEN_STATUSES), co_list_agent=co_agent)

    def _listing(self, seller: _Producer, price: int, on_market: date) -> Listing:
        city, postal_code = self._rng.choice(_PLACES)
        return Listing(
            key="",
            listing_id="",
            status="Active",
            property_type=self._rng.choice(_TYPES),
            list_price_cents=price,
            original_list_price_cents=price // 100 * self._rng.choice((100, 100, 103, 108)),
            on_market_date=on_market,
            list_agent=seller.agent.key,
            list_office=seller.agent.office,
            city=city,
            state="ID" if postal_code.startswith("83") else "WA",
            postal_code=postal_code,
            modified_at=noon_utc(on_market),
        )

    def _made_peculiar(self, listing: Listing, peculiarity: _Peculiarity | None) -> Listing:
        match peculiarity:
            case _Peculiarity.LEASE:
                rent = listing.list_price_cents // 200
                return replace(
                    listing, property_type="Residential Lease", list_price_cents=rent, close_price_cents=rent
                )
            case _Peculiarity.WITHDRAWN_WITH_STALE_PRICE:
                return replace(listing, status="Withdrawn")
            case _Peculiarity.UNPRICED:
                return replace(listing, close_price_cents=None)
            case _Peculiarity.DUAL_AGENCY:
                return replace(listing, buyer_agent=listing.list_agent, co_buyer_agent=None)
            case _Peculiarity.SAME_AGENT_IN_BOTH_SLOTS:
                return replace(listing, co_list_agent=listing.list_agent, co_buyer_agent=listing.buyer_agent)
            case _Peculiarity.CO_AGENTS_ON_BOTH_SIDES:
                buyer = self._producer().agent.key
                co_list, co_buyer = self._other_than(listing.list_agent), self._other_than(buyer)
                return replace(listing, co_list_agent=co_list, buyer_agent=buyer, co_buyer_agent=co_buyer)
            case _:
                return listing

    def _close_date(self, peculiarity: _Peculiarity | None) -> date:
        match peculiarity:
            case _Peculiarity.CLOSES_AFTER_AS_OF:
                return self._as_of + timedelta(days=self._rng.randrange(1, 40))
            case _Peculiarity.CLOSES_ON_CUTOFF:
                return self._cutoff
            case _Peculiarity.CLOSES_BEFORE_CUTOFF:
                return self._cutoff - timedelta(days=1)
            case _Peculiarity.CLOSES_ON_AS_OF:
                return self._as_of
            case _:
                return self._as_of - timedelta(days=self._rng.randrange(_HISTORY_DAYS))

    def _price(self, seller: _Producer) -> int:
        return seller.usual_price * self._rng.randrange(60, 190) // 100 * 100

    def _producer(self) -> _Producer:
        return self._rng.choices(self._producers, cum_weights=self._weights)[0]

    def _co_agent(self, key: str) -> str | None:
        if self._rng.random() >= _CO_AGENT_SHARE:
            return None
        return self._other_than(key)

    def _other_than(self, key: str) -> str | None:
        other = self._producer().agent.key
        return other if other != key else None
