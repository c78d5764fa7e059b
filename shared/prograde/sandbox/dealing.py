"""
A market made of real sales, each dealt to invented agents by a seeded rule.

Every row of the file becomes one closed listing with a list side and a buyer side. A parcel that sold twice is two
sales: the listing's key comes from the row, the parcel is only its ListingId.
"""

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path

from prograde.sandbox.errors import SalesFileError
from prograde.sandbox.market import Agent, Listing, Market
from prograde.sandbox.people import invent_agents, noon_utc

SALES_COLUMNS = ("parcel_id", "sale_date", "price_usd", "zipcode")
SALES_MAX = 5_000_000

_PRICE = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)
_PARETO_SHAPE = 1.16
_WEIGHT_MIN, _WEIGHT_MAX = 1, 420
_IDLE_EVERY = 50
_CO_AGENT_SHARE = 0.12
_DUAL_AGENCY_SHARE = 0.03
_ACTIVE_MAX = 4


@dataclass(frozen=True, slots=True)
class _Sale:
    row: int
    parcel_id: str
    sale_date: date
    price_cents: int
    zipcode: str


def deal_sales(path: Path, agents: int, seed: int, as_of: date | None = None) -> Market:
    """
    Deal each sale of a CSV file to invented agents; the same file and arguments give the same market.

    `as_of` is the date of the last sale unless it is given. Raises SalesFileError, and ValueError for a bad count.
    """
    sales = list(_read_sales(path))
    if not sales:
        raise SalesFileError(f"{path} holds no sales: it needs at least one row below its header")
    as_of = as_of or max(sale.sale_date for sale in sales)
    people = invent_agents(agents, seed, as_of)
    table = _Table(people, random.Random(f"dealing:{seed}"))
    closed = [table.deal(sale) for sale in sales]
    on_the_market = list(_active_listings(people, random.Random(f"active:{seed}"), as_of))
    listings = sorted((*closed, *on_the_market), key=lambda listing: listing.key)
    return Market(people, tuple(listings), as_of)


def listing_key(row: int) -> str:
    """The key of the sale in a data row of the sales file, counted from 1."""
    return f"S{row:07d}"


class _Table:
    """Where the sales are dealt: a few agents get many, most get few, every fiftieth gets none."""

    def __init__(self, people: tuple[Agent, ...], rng: random.Random) -> None:
        self._people = people
        self._rng = rng
        # Whole numbers, so that the last bit of a platform's pow() cannot change who is dealt what; and capped, so
        # that nobody among a thousand has more sales than a professional's nineteen pages of fifty can show.
        weights = (_WEIGHT_MIN + int(10 * (rng.paretovariate(_PARETO_SHAPE) - 1)) for _ in people)
        self._weights = list(
            accumulate(
                0 if number % _IDLE_EVERY == 0 else min(weight, _WEIGHT_MAX) for number, weight in enumerate(weights, 1)
            )
        )

    def deal(self, sale: _Sale) -> Listing:
        rng = self._rng
        list_agent = self._agent()
        buyer_agent = list_agent if rng.random() < _DUAL_AGENCY_SHARE else self._agent()
        on_market = sale.sale_date - timedelta(days=rng.randrange(15, 120))
        return Listing(
            key=listing_key(sale.row),
            listing_id=sale.parcel_id,
            status="Closed",
            property_type="Residential",
            list_price_cents=sale.price_cents,
            original_list_price_cents=sale.price_cents,
            close_price_cents=sale.price_cents,
            close_date=sale.sale_date,
            on_market_date=on_market,
            list_agent=list_agent.key,
            co_list_agent=self._co_agent(list_agent),
            buyer_agent=buyer_agent.key,
            co_buyer_agent=self._co_agent(buyer_agent),
            list_office=list_agent.office,
            city=None,  # the file does not say
            state="WA",
            postal_code=sale.zipcode,
            modified_at=noon_utc(sale.sale_date),
        )

    def _agent(self) -> Agent:
        return self._rng.choices(self._people, cum_weights=self._weights)[0]

    def _co_agent(self, agent: Agent) -> str | None:
        if self._rng.random() >= _CO_AGENT_SHARE:
            return None
        other = self._agent()
        return other.key if other is not agent else None


def _active_listings(people: tuple[Agent, ...], rng: random.Random, as_of: date) -> Iterator[Listing]:
    number = 0
    for agent in people:
        for _ in range(rng.randrange(_ACTIVE_MAX) if agent.is_active else 0):
            number += 1
            price = 1_000_00 * rng.randrange(150, 1_800)
            on_market = as_of - timedelta(days=rng.randrange(1, 90))
            yield Listing(
                key=f"T{number:07d}",
                listing_id=f"T{number:07d}",
                status="Active",
                property_type="Residential",
                list_price_cents=price,
                original_list_price_cents=price,
                on_market_date=on_market,
                list_agent=agent.key,
                list_office=agent.office,
                city=agent.city,
                state=agent.state,
                postal_code="98101",
                modified_at=noon_utc(on_market),
            )


def _read_sales(path: Path) -> Iterator[_Sale]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in SALES_COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise SalesFileError(f"{path} has no column {', '.join(missing)}: it needs {', '.join(SALES_COLUMNS)}")
            for number, row in enumerate(reader, 1):
                if number > SALES_MAX:
                    raise SalesFileError(f"{path} has more than {SALES_MAX:,} sales: split the file")
                yield _read_sale(number, row, f"{path}, line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SalesFileError(f"{path} cannot be read: {error}") from error


def _read_sale(number: int, row: dict[str, str | None], place: str) -> _Sale:
    values = {column: (row[column] or "").strip() for column in SALES_COLUMNS}
    try:
        sale_date = date.fromisoformat(values["sale_date"])
    except ValueError as error:
        raise SalesFileError(
            f"{place}: sale_date {values['sale_date']!r} is no date: write it as 2015-05-27"
        ) from error
    return _Sale(number, values["parcel_id"], sale_date, _cents(values["price_usd"], place), values["zipcode"])


def _cents(text: str, place: str) -> int:
    match = _PRICE.fullmatch(text)
    if match is None:
        raise SalesFileError(f"{place}: price_usd {text!r} is no price: write it as 221900 or 221900.50")
    dollars, _, fraction = text.partition(".")
    return int(dollars) * 100 + int(fraction.ljust(2, "0"))
