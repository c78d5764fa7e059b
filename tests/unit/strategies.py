"""Random markets and rubrics; figures are small, so that thresholds, ties and both ends of the window are often met."""

from datetime import timedelta

from hypothesis import strategies as st

from prograde.domain.grading import Rubric, Tier
from prograde.domain.listing import Listing, ListingStatus, Rejection
from tests.unit.examples import AS_OF, CUTOFF, ME

AGENTS = (None, ME, "K2", "K3")

agents = st.sampled_from(AGENTS)
prices = st.none() | st.integers(1, 12)
close_dates = st.integers(-3, 3).map(lambda days: CUTOFF + timedelta(days)) | st.integers(-30, 3).map(
    lambda days: AS_OF + timedelta(days)
)


@st.composite
def listings(draw: st.DrawFn, key: str) -> Listing:
    """A listing of any kind, mostly a closed sale; a closed one has a close date, as parsing promises."""
    return Listing(
        key=key,
        status=draw(st.sampled_from([ListingStatus.CLOSED] * 3 + [ListingStatus.ACTIVE, ListingStatus.OTHER])),
        is_sale=draw(st.sampled_from([True, True, True, False])),
        list_price_cents=draw(prices),
        close_price_cents=draw(prices),
        close_date=draw(close_dates),
        list_agent=draw(agents),
        co_list_agent=draw(agents),
        buyer_agent=draw(agents),
        co_buyer_agent=draw(agents),
    )


@st.composite
def markets(draw: st.DrawFn, max_size: int = 12) -> list[Listing]:
    """Listings with a key each."""
    return [draw(listings(f"L{number}")) for number in range(draw(st.integers(0, max_size)))]


@st.composite
def paged(draw: st.DrawFn, records: list[Listing]) -> list[list[Listing]]:
    """The records in their order, split into pages anywhere; pages may be empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(records)), max_size=6)))
    return [records[start:end] for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True)]


@st.composite
def drifting(draw: st.DrawFn, market: list[Listing]) -> list[Listing]:
    """Every listing of the market in any order, some of them more than once."""
    again = draw(st.lists(st.sampled_from(market), max_size=6)) if market else []
    return draw(st.permutations(market + again))


def record_pages() -> st.SearchStrategy[tuple[Listing | Rejection, ...]]:
    """The records of one page: listings of a few keys, so that keys are met again, and rejections."""
    keys = st.integers(0, 9).map(lambda number: f"L{number}")
    rejections = st.just(Rejection("L0", "close_price: not an amount"))
    return st.lists(keys.flatmap(listings) | rejections, max_size=4).map(tuple)


@st.composite
def rubrics(draw: st.DrawFn, *, with_active: bool = True) -> Rubric:
    """A rubric without problems: each criterion falls from tier to tier, and no two tiers ask for the same."""
    size = draw(st.integers(0, 4))
    volumes = sorted(draw(_columns(st.integers(0, 60), size)), reverse=True)
    sides = sorted(draw(_columns(st.integers(0, 12), size)), reverse=True)
    active = sorted(draw(_columns(st.integers(0, 3), size)), reverse=True) if with_active else [0] * size
    days = sorted(draw(_columns(st.integers(0, 40), size)))
    asked = dict.fromkeys(
        (cents, half_sides or None, listed or None, within if within < _ANY_DAY else None)
        for cents, half_sides, listed, within in zip(volumes, sides, active, days, strict=True)
    )
    tiers = [Tier(f"T{index}", *criteria) for index, criteria in enumerate(asked)]
    return Rubric((*(tier for tier in tiers if tier != Tier(tier.name)), Tier("rest")))


_ANY_DAY = 30


def _columns(figures: st.SearchStrategy[int], size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(figures, min_size=size, max_size=size)
