"""The rubric: figures in, a grade with its reasons out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from prograde.domain.aggregation import Aggregate
from prograde.domain.money import dollars_text, exact_dollars_text, sides_text
from prograde.errors import Problem

TIERS_MAX = 50


@dataclass(frozen=True, slots=True)
class Tier:
    """
    One grade and what it asks for; None asks for nothing.

    Volume in whole cents, sides in half sides, recency in days between the last close and as_of, all inclusive.
    """

    name: str
    minimum_cents: int = 0
    minimum_half_sides: int | None = None
    minimum_active_listings: int | None = None
    maximum_days_since_last_sale: int | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """The tier a professional is in, its place in the rubric (0 is the best), and why."""

    name: str
    tier: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rubric:
    """Tiers, best first; the last one takes everybody."""

    tiers: tuple[Tier, ...]

    def grade(self, aggregate: Aggregate, as_of: date) -> Grade:
        """Grade by the first tier whose every criterion holds; the reasons say what held, and what the next lacked."""
        missed: tuple[str, ...] = ()
        for index, tier in enumerate(self.tiers):
            criteria = tuple(_criteria(tier, aggregate, as_of))
            if all(held for held, _ in criteria):
                held_texts = tuple(text for _, text in criteria) or ("everybody else",)
                return Grade(tier.name, index, held_texts + missed)
            missed = tuple(f"not {tier.name}: {text}" for held, text in criteria if not held)
        raise AssertionError("a rubric's last tier takes everybody")

    def is_decided(self, aggregate: Aggregate, as_of: date, *, active_is_known: bool) -> bool:
        """
        Tell whether no further page can change the grade.

        Further sales only add volume and sides and only bring the last sale nearer, so a tier that holds goes on
        holding, and only a better tier could replace it. Once the active stage is over, a tier that asks for more
        active listings than there are is out of reach for good. So the grade is decided when the best tier still
        within reach holds: for most rubrics, the top one.
        """
        for tier in self.tiers:
            minimum = tier.minimum_active_listings
            if active_is_known and minimum is not None and aggregate.active_count < minimum:
                continue
            return all(held for held, _ in _criteria(tier, aggregate, as_of))
        return True

    @property
    def asks_for_active_listings(self) -> tuple[str, ...]:
        """The names of the tiers that need the active stage."""
        return tuple(tier.name for tier in self.tiers if tier.minimum_active_listings is not None)


def _criteria(tier: Tier, aggregate: Aggregate, as_of: date) -> Iterator[tuple[bool, str]]:
    """Each criterion of a tier: whether it holds, and the sentence that says so."""
    if tier.minimum_cents > 0:
        held = aggregate.half_cents >= 2 * tier.minimum_cents
        volume, minimum = exact_dollars_text(aggregate.half_cents), dollars_text(2 * tier.minimum_cents)
        yield held, _comparison("volume", volume, held, minimum)
    if tier.minimum_half_sides is not None:
        held = aggregate.half_sides >= tier.minimum_half_sides
        yield held, _comparison("sides", sides_text(aggregate.half_sides), held, sides_text(tier.minimum_half_sides))
    if tier.minimum_active_listings is not None:
        held = aggregate.active_count >= tier.minimum_active_listings
        yield held, _comparison("active listings", aggregate.active_count, held, tier.minimum_active_listings)
    if tier.maximum_days_since_last_sale is not None:
        bound = tier.maximum_days_since_last_sale
        days = None if aggregate.last_close is None else (as_of - aggregate.last_close).days
        if days is None:
            yield False, f"no sale within {bound} days"
        else:
            yield days <= bound, f"days since last sale {days} {'<=' if days <= bound else '>'} {bound}"


def _comparison(name: str, figure: object, held: bool, minimum: object) -> str:  # noqa: FBT001  # reads as a sentence
    return f"{name} {figure} {'>=' if held else '<'} {minimum}"


def rubric_problems(tiers: Sequence[Tier]) -> Iterator[Problem]:
    """Name everything that makes tiers no rubric (order, catch-all, names), fields as `tiers[2].minimum_volume`."""
    if not 1 <= len(tiers) <= TIERS_MAX:
        yield Problem("tiers", len(tiers), f"give between 1 and {TIERS_MAX} tiers, best first")
        return
    names: dict[str, int] = {}
    for index, tier in enumerate(tiers):
        slug = tier_slug(tier.name)
        if slug in names:
            yield Problem(f"tiers[{index}].name", tier.name, f"tier {names[slug]} has it already (each needs a file)")
        names.setdefault(slug, index)
    for index in range(1, len(tiers)):
        yield from _order_problems(index, tiers[index - 1], tiers[index])
    last = tiers[-1]
    if last != Tier(last.name):
        yield Problem(f"tiers[{len(tiers) - 1}]", last.name, "the last tier takes everybody: drop its criteria")


def _order_problems(index: int, better: Tier, worse: Tier) -> Iterator[Problem]:
    """A tier must not ask for more than a better one, or nobody could tell what the better one means."""
    if worse.minimum_cents > better.minimum_cents:
        yield Problem(
            f"tiers[{index}].minimum_volume",
            dollars_text(2 * worse.minimum_cents),
            f"must not exceed that of the better tier {better.name} ({dollars_text(2 * better.minimum_cents)}): "
            "list the tiers best first",
        )
    if (worse.minimum_half_sides or 0) > (better.minimum_half_sides or 0):
        yield Problem(
            f"tiers[{index}].minimum_sides",
            sides_text(worse.minimum_half_sides or 0),
            f"must not exceed that of the better tier {better.name}",
        )
    if (worse.minimum_active_listings or 0) > (better.minimum_active_listings or 0):
        yield Problem(
            f"tiers[{index}].minimum_active_listings",
            worse.minimum_active_listings,
            f"must not exceed that of the better tier {better.name}",
        )
    days, better_days = worse.maximum_days_since_last_sale, better.maximum_days_since_last_sale
    if days is not None and (better_days is None or days < better_days):
        yield Problem(
            f"tiers[{index}].maximum_days_since_last_sale",
            days,
            f"must not be stricter than that of the better tier {better.name}",
        )
    if _asks(worse) == _asks(better):
        yield Problem(f"tiers[{index}]", worse.name, f"asks for the same as {better.name}: nobody could be in it")


def _asks(tier: Tier) -> tuple[int, int, int, int | None]:
    return (
        tier.minimum_cents,
        tier.minimum_half_sides or 0,
        tier.minimum_active_listings or 0,
        tier.maximum_days_since_last_sale,
    )


def tier_slug(name: str) -> str:
    """Spell a tier's name for a file: "A+" is "a_plus"."""
    return name.casefold().replace("+", " plus").replace("-", " minus").replace("_", " ").strip().replace(" ", "_")


# No published A+ … F scale was found; docs/grading.md says where each of these comes from.
DEFAULT_RUBRIC = Rubric(
    (
        Tier("A+", 40_000_000_00),
        Tier("A", 16_000_000_00),
        Tier("B", 5_500_000_00),
        Tier("C", 2_500_000_00),
        Tier("D", 500_000_00),
        Tier("F"),
    )
)
