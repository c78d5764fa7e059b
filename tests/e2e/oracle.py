"""
What a run over the dealt sales must come to, worked out from two files alone and by other means than prograde's.

Reads the sales file (prices and dates) and the file of who was dealt which row; knows nothing of pages, APIs or
state machines. Exact fractions of dollars throughout.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path

TIERS = (("A+", 40_000_000), ("A", 16_000_000), ("B", 5_500_000), ("C", 2_500_000), ("D", 500_000), ("F", 0))


@dataclass
class Sale:
    price: int
    closed: date
    list_side: tuple[str, str]
    buyer_side: tuple[str, str]


@dataclass
class Truth:
    volume: Fraction = Fraction(0)
    sides: Fraction = Fraction(0)
    transactions: int = 0
    first: date | None = None
    last: date | None = None
    closes: list[date] = field(default_factory=list)

    @property
    def grade(self) -> str:
        return next(name for name, minimum in TIERS if self.volume >= minimum)


def read_sales(sales: Path, dealt: Path) -> list[Sale]:
    with sales.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with dealt.open(newline="") as file:
        return [
            Sale(
                price=int(rows[int(deal["sale_row"]) - 1]["price_usd"]),
                closed=date.fromisoformat(rows[int(deal["sale_row"]) - 1]["sale_date"]),
                list_side=(deal["list_agent_key"], deal["co_list_agent_key"]),
                buyer_side=(deal["buyer_agent_key"], deal["co_buyer_agent_key"]),
            )
            for deal in csv.DictReader(file)
        ]


def earned_sides(sale: Sale, rule: str) -> dict[str, Fraction]:
    """Each agent's sides in one sale."""
    earned: dict[str, Fraction] = defaultdict(Fraction)
    if rule == "list_only":
        return {sale.list_side[0]: Fraction(1)} if sale.list_side[0] else {}
    for side in (sale.list_side, sale.buyer_side):
        agents = {agent for agent in side if agent}
        for agent in agents:
            earned[agent] += Fraction(1, len(agents)) if rule == "split" else Fraction(1)
    return earned


def truths(sales: list[Sale], rule: str, cutoff: date, as_of: date) -> dict[str, Truth]:
    """Every agent's figures over the window, both ends included."""
    by_agent: dict[str, Truth] = defaultdict(Truth)
    for sale in sales:
        if not cutoff <= sale.closed <= as_of:
            continue
        for agent, sides in earned_sides(sale, rule).items():
            truth = by_agent[agent]
            truth.volume += sides * sale.price
            truth.sides += sides
            truth.transactions += 1
            truth.closes.append(sale.closed)
    for truth in by_agent.values():
        truth.first, truth.last = min(truth.closes), max(truth.closes)
    return by_agent


def ranks(by_agent: dict[str, Truth]) -> dict[str, int]:
    """One more than the number of agents that are strictly better: by volume, then by sides."""
    keys = sorted(((truth.volume, truth.sides) for truth in by_agent.values()), reverse=True)
    first: dict[tuple[Fraction, Fraction], int] = {}
    for position, key in enumerate(keys, 1):
        first.setdefault(key, position)
    return {agent: first[truth.volume, truth.sides] for agent, truth in by_agent.items()}


def fewest_pages(closes_and_volumes: list[tuple[date, str, Fraction]], page_size: int, top: int) -> int:
    """
    How many pages of sold history the stop rules leave, for one agent's sales within the window.

    Newest first, then by listing key, `page_size` a page: stop behind the page on which the top tier is reached.
    """
    pages = max(1, -(-len(closes_and_volumes) // page_size))
    ordered = sorted(closes_and_volumes, key=lambda sale: (-sale[0].toordinal(), sale[1]))
    total = Fraction(0)
    for index, (_, _, volume) in enumerate(ordered):
        total += volume
        if total >= top:
            return min(pages, index // page_size + 1)
    return pages
