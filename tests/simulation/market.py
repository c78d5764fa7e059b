"""A small made-up market: who is in it and what they sold, the same for every run of a seed."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from prograde.domain.aggregation import Attribution
from prograde.domain.batch import Parameters
from prograde.domain.grading import DEFAULT_RUBRIC, Rubric, Tier
from prograde.domain.listing import Listing, ListingStatus, Rejection
from prograde.domain.profile import Profile, Statistics

AS_OF = date(2026, 11, 1)
_DEMANDING = Rubric(
    (
        Tier("A+", 8_000_000_00, minimum_half_sides=12, minimum_active_listings=1, maximum_days_since_last_sale=90),
        Tier("A", 3_000_000_00, minimum_half_sides=6, maximum_days_since_last_sale=180),
        Tier("B", 1_000_000_00),
        Tier("F"),
    )
)

Record = Listing | Rejection


@dataclass(frozen=True, slots=True)
class Person:
    """A professional as the source knows them; no profile for one that it does not know."""

    professional_id: str
    profile: Profile | None
    active: tuple[Record, ...]
    sold: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Market:
    """
    People, how the source pages, and what a run over them is asked to do.

    Each page begins with the last `overlap` records of the one before, as feeds do that page by date. Who is not
    there is answered by a status alone if `tells_by_status`, and otherwise by an empty list.
    """

    people: tuple[Person, ...]
    page_size: int
    overlap: int
    is_newest_first: bool
    tells_by_status: bool
    parameters: Parameters


def made_up_market(seed: int) -> Market:
    """Make the market of a seed."""
    dice = Random(f"market {seed}")
    ids = [f"A{number:02}" for number in range(dice.choice([1, 2, 3, 5, 8, 13, 18]))]
    rubric = dice.choice([DEFAULT_RUBRIC, _DEMANDING])
    parameters = Parameters(
        as_of=AS_OF,
        cutoff=AS_OF - timedelta(days=dice.choice([180, 365])),
        rubric=rubric,
        attribution=dice.choice(list(Attribution)),
        include_active=rubric is _DEMANDING or dice.random() < 0.7,
        tiers_to_process=tuple(tier.name for tier in rubric.tiers[:-1]) if dice.random() < 0.2 else (),
        early_stop=dice.random() < 0.5,
        failure_limit=dice.choice([2, 3, 5]),
        page_limit=dice.choice([3, 19, 19, 19]),
        outage_patience_minutes=dice.choice([10, 60, 180]),
    )
    is_newest_first = dice.random() < 0.7
    people = tuple(_person(dice, professional_id, ids, is_newest_first=is_newest_first) for professional_id in ids)
    return Market(
        people=people,
        page_size=dice.choice([2, 3, 5]),
        overlap=dice.choice([0, 0, 1]),
        is_newest_first=is_newest_first,
        # Where nobody is known, nobody could tell such a source from one that is away.
        tells_by_status=any(person.profile for person in people) and dice.random() < 0.5,
        parameters=parameters,
    )


def _person(dice: Random, professional_id: str, ids: list[str], *, is_newest_first: bool) -> Person:
    if dice.random() < 0.08:
        return Person(professional_id, None, (), ())
    key = dice.choice(["", professional_id, f"key of {professional_id}"])
    agent = key or professional_id
    stated = Statistics()
    if dice.random() < 0.3:
        stated = Statistics(dice.randrange(0, 60_000_000_00), 20, 3, AS_OF)
    profile = Profile(
        agent_key=key,
        first_name="Ada",
        last_name=professional_id,
        full_name=f"Ada {professional_id}",
        statistics=stated,
    )
    sold = [_sold(dice, agent, ids, number) for number in range(dice.choice([0, 1, 3, 6, 10, 16, 60]))]
    if is_newest_first:
        sold.sort(key=lambda record: (-(record.close_date or AS_OF).toordinal(), record.key))
    active = [_on_market(dice, agent, number) for number in range(dice.choice([0, 0, 1, 4, 7]))]
    return Person(professional_id, profile, tuple(active), _with_rejections(dice, sold))


def _sold(dice: Random, agent: str, ids: list[str], number: int) -> Listing:
    other = dice.choice([*ids, "elsewhere"])
    sale = Listing(
        key=f"S{agent}{number}",
        status=ListingStatus.CLOSED if dice.random() < 0.9 else ListingStatus.OTHER,
        is_sale=dice.random() < 0.95,
        list_price_cents=dice.randrange(100_000_00, 3_000_000_00),
        close_price_cents=dice.randrange(100_000_00, 3_000_000_01) if dice.random() < 0.9 else None,
        close_date=AS_OF - timedelta(days=dice.randrange(-5, 500)),
        list_agent=agent,
        co_list_agent=other if dice.random() < 0.3 else None,
        buyer_agent=agent if dice.random() < 0.1 else other,
        co_buyer_agent=None,
    )
    if dice.random() < 0.3:
        return sale._replace(list_agent=sale.buyer_agent, buyer_agent=agent)
    return sale


def _on_market(dice: Random, agent: str, number: int) -> Listing:
    return Listing(
        key=f"L{agent}{number}",
        status=ListingStatus.ACTIVE if dice.random() < 0.9 else ListingStatus.OTHER,
        is_sale=True,
        list_price_cents=dice.randrange(100_000_00, 3_000_000_00),
        close_price_cents=None,
        close_date=None,
        list_agent=dice.choice([agent, agent, None]),
        co_list_agent=None,
        buyer_agent=None,
        co_buyer_agent=None,
    )


def _with_rejections(dice: Random, records: list[Listing]) -> tuple[Record, ...]:
    """A few records of the market itself are no listings."""
    return tuple(
        Rejection(record.key, "close_date: not a date") if dice.random() < 0.02 else record for record in records
    )
