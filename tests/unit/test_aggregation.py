from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain import aggregation
from prograde.domain.aggregation import Aggregate, Attribution, add_active, add_sold, half_sides
from prograde.domain.listing import Listing, ListingStatus
from tests.unit.examples import AS_OF, CUTOFF, ME, ON_THE_MARKET, PARAMETERS, SALE
from tests.unit.recount import recount
from tests.unit.strategies import AGENTS, drifting, listings, markets, paged

WINDOW = PARAMETERS.window
DAY = timedelta(days=1)


def sold(*records: Listing, attribution: Attribution = Attribution.SPLIT) -> Aggregate:
    return add_sold(Aggregate(), records, ME, attribution, WINDOW)


def everything(pages: Sequence[Sequence[Listing]], attribution: Attribution) -> Aggregate:
    """Show every page to both stages, so that each listing counts wherever it can."""
    aggregate = Aggregate()
    for page in pages:
        aggregate = add_sold(add_active(aggregate, page, ME), page, ME, attribution, WINDOW)
    return aggregate


# The slots: list agent, co-list agent, buyer agent, co-buyer agent. The shares are in half sides.
@pytest.mark.parametrize(
    ("slots", "split", "full", "list_only"),
    [
        pytest.param((ME, None, "K9", None), 2, 2, 2, id="alone on the list side"),
        pytest.param(("K9", None, ME, None), 2, 2, 0, id="alone on the buyer side"),
        pytest.param((ME, "K2", "K9", None), 1, 2, 2, id="first of two list agents"),
        pytest.param(("K2", ME, "K9", None), 1, 2, 0, id="second of two list agents"),
        pytest.param(("K9", None, ME, "K2"), 1, 2, 0, id="first of two buyer agents"),
        pytest.param(("K9", None, "K2", ME), 1, 2, 0, id="second of two buyer agents"),
        pytest.param((ME, None, ME, None), 4, 4, 2, id="dual agency"),
        pytest.param((ME, "K2", ME, None), 3, 4, 2, id="dual agency, shared on the list side"),
        pytest.param((ME, "K2", "K3", ME), 2, 4, 2, id="dual agency, shared on both sides"),
        pytest.param((ME, ME, "K9", None), 2, 2, 2, id="twice on the list side"),
        pytest.param(("K9", None, ME, ME), 2, 2, 0, id="twice on the buyer side"),
        pytest.param((ME, ME, ME, ME), 4, 4, 2, id="in all four slots"),
        pytest.param((None, ME, None, None), 2, 2, 0, id="co-list agent without a list agent"),
        pytest.param((None, None, None, ME), 2, 2, 0, id="co-buyer agent without a buyer agent"),
        pytest.param(("K9", "K2", "K3", None), 0, 0, 0, id="not there"),
        pytest.param((None, None, None, None), 0, 0, 0, id="nobody there"),
    ],
)
def test_an_agent_has_a_share_by_the_rule(
    slots: tuple[str | None, str | None, str | None, str | None], split: int, full: int, list_only: int
) -> None:
    listing = SALE._replace(list_agent=slots[0], co_list_agent=slots[1], buyer_agent=slots[2], co_buyer_agent=slots[3])

    assert split == half_sides(listing, ME, Attribution.SPLIT)
    assert full == half_sides(listing, ME, Attribution.FULL)
    assert list_only == half_sides(listing, ME, Attribution.LIST_ONLY)


def test_a_shared_sale_adds_half_its_price_and_half_a_side_but_is_one_sale() -> None:
    figures = sold(SALE._replace(co_list_agent="K2", close_price_cents=99))

    assert (99, 1) == (figures.half_cents, figures.half_sides)
    assert (1, 99) == (figures.sold_count, figures.sold_cents)


@pytest.mark.parametrize(
    ("listing", "counts"),
    [
        pytest.param(SALE, True, id="a closed sale"),
        pytest.param(SALE._replace(is_sale=False), False, id="a lease that closed"),
        pytest.param(SALE._replace(status=ListingStatus.OTHER), False, id="withdrawn with a stale price"),
        pytest.param(SALE._replace(status=ListingStatus.ACTIVE), False, id="active with a close price"),
        pytest.param(SALE._replace(close_date=None), False, id="closed on no day"),
        pytest.param(SALE._replace(close_date=CUTOFF), True, id="on the first day of the window"),
        pytest.param(SALE._replace(close_date=CUTOFF - DAY), False, id="the day before the window"),
        pytest.param(SALE._replace(close_date=AS_OF), True, id="on the last day of the window"),
        pytest.param(SALE._replace(close_date=AS_OF + DAY), False, id="after the last day of the window"),
        pytest.param(SALE._replace(list_agent="K8"), False, id="somebody else's"),
    ],
)
def test_a_sale_is_closed_no_lease_and_inside_the_window(listing: Listing, counts: bool) -> None:  # noqa: FBT001  # a table's column
    assert int(counts) == sold(listing).sold_count


def test_an_unpriced_sale_counts_its_side_and_says_so() -> None:
    figures = sold(SALE._replace(close_price_cents=None, co_list_agent="K2"))

    assert (0, 1, 1) == (figures.half_cents, figures.half_sides, figures.unpriced_half_sides)
    assert (1, 0) == (figures.sold_count, figures.sold_cents)
    assert SALE.close_date == figures.last_close


def test_a_listing_met_twice_counts_once_as_it_was_first() -> None:
    corrected = SALE._replace(close_price_cents=1, close_date=AS_OF)

    assert sold(SALE) == sold(SALE, corrected)
    assert sold(SALE) == add_sold(sold(SALE), [corrected], ME, Attribution.SPLIT, WINDOW)


def test_a_listing_that_did_not_count_yet_may_count_when_met_again() -> None:
    assert sold(SALE) == sold(SALE._replace(status=ListingStatus.OTHER), SALE)
    assert sold(SALE) == sold(SALE._replace(list_agent="K8"), SALE)


def test_an_active_listing_that_closes_before_the_sold_history_is_read_counts_in_both() -> None:
    closed = ON_THE_MARKET._replace(status=ListingStatus.CLOSED, close_price_cents=5, close_date=AS_OF)

    figures = add_sold(add_active(Aggregate(), [ON_THE_MARKET], ME), [closed], ME, Attribution.SPLIT, WINDOW)

    assert (1, 1) == (figures.active_count, figures.sold_count)


def test_first_and_last_close_are_the_ends_of_what_was_counted() -> None:
    figures = sold(
        SALE._replace(key="b", close_date=date(2026, 2, 2)),
        SALE._replace(key="a", close_date=date(2025, 7, 7)),
        SALE._replace(key="c", close_date=date(2026, 5, 5)),
        SALE._replace(key="d", close_date=AS_OF + DAY),
    )

    assert (date(2025, 7, 7), date(2026, 5, 5)) == (figures.first_close, figures.last_close)


@pytest.mark.parametrize(
    ("listing", "counts"),
    [
        pytest.param(ON_THE_MARKET, True, id="an active listing of the agent's"),
        pytest.param(ON_THE_MARKET._replace(list_agent="K2", co_list_agent=ME), True, id="as co-list agent"),
        pytest.param(ON_THE_MARKET._replace(list_agent=None), True, id="naming no list agent, as asked for the agent"),
        pytest.param(ON_THE_MARKET._replace(list_agent="K2"), False, id="somebody else's"),
        pytest.param(ON_THE_MARKET._replace(list_agent="K2", buyer_agent=ME), False, id="as buyer agent"),
        pytest.param(ON_THE_MARKET._replace(is_sale=False), False, id="for lease"),
        pytest.param(ON_THE_MARKET._replace(status=ListingStatus.OTHER), False, id="under contract"),
        pytest.param(SALE, False, id="closed"),
    ],
)
def test_an_active_listing_is_for_sale_and_the_agents(listing: Listing, counts: bool) -> None:  # noqa: FBT001  # as above
    assert int(counts) == add_active(Aggregate(), [listing], ME).active_count


def test_active_listings_count_once_and_add_their_list_price_where_there_is_one() -> None:
    unpriced = ON_THE_MARKET._replace(key="L3", list_price_cents=None)

    figures = add_active(Aggregate(), [ON_THE_MARKET, unpriced, ON_THE_MARKET], ME)

    assert (2, 450_000_00) == (figures.active_count, figures.active_cents)


def test_more_listings_than_can_be_told_apart_are_overfull(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregation, "KEYS_MAX", 2)
    three = [SALE._replace(key=key) for key in ("a", "b", "c")]

    assert [False, False, True] == [sold(*three[:count]).is_overfull for count in (1, 2, 3)]


def test_the_most_keys_fit_a_document_of_one_mebibyte_with_room_to_spare() -> None:
    many = sold(*(SALE._replace(key=str(number)) for number in range(1_000)))

    assert 8 * 1_000 == len(many.seen)
    assert 8 * aggregation.KEYS_MAX * 4 / 3 < 0.6 * 2**20, "also as base64"


@given(st.data(), st.sampled_from(Attribution))
def test_neither_the_order_nor_the_split_into_pages_nor_drift_changes_a_figure(
    data: st.DataObject, attribution: Attribution
) -> None:
    market = data.draw(markets())
    pages = data.draw(paged(data.draw(drifting(market))))

    merged = everything(pages, attribution)

    assert everything([market], attribution) == merged
    assert everything(data.draw(st.permutations(pages)), attribution) == merged


@given(markets(), st.sampled_from(Attribution))
def test_the_figures_are_those_of_exact_fractions(market: list[Listing], attribution: Attribution) -> None:
    figures = everything([market], attribution)

    assert recount(market, market, ME, attribution, WINDOW) == replace(figures, seen=b"")


@given(listings("L1"))
def test_the_split_shares_of_all_agents_are_one_side_for_each_side_that_has_agents(listing: Listing) -> None:
    sides = [(listing.list_agent, listing.co_list_agent), (listing.buyer_agent, listing.co_buyer_agent)]
    present = [agent for agent in AGENTS if agent is not None]

    total = sum(half_sides(listing, agent, Attribution.SPLIT) for agent in present)

    assert 2 * sum(side != (None, None) for side in sides) == total


@given(listings("L1"))
def test_the_split_volume_of_all_agents_is_the_price_for_each_side_that_has_agents(listing: Listing) -> None:
    sale = listing._replace(status=ListingStatus.CLOSED, is_sale=True, close_date=AS_OF, close_price_cents=1_01)
    staffed = sum(
        side != (None, None)
        for side in [(sale.list_agent, sale.co_list_agent), (sale.buyer_agent, sale.co_buyer_agent)]
    )

    total = sum(
        add_sold(Aggregate(), [sale], agent, Attribution.SPLIT, WINDOW).half_cents
        for agent in AGENTS
        if agent is not None
    )

    assert 2 * 1_01 * staffed == total


@given(listings("L1"), st.sampled_from([agent for agent in AGENTS if agent is not None]))
def test_no_rule_gives_more_than_full_attribution(listing: Listing, agent: str) -> None:
    full = half_sides(listing, agent, Attribution.FULL)

    assert half_sides(listing, agent, Attribution.SPLIT) <= full
    assert half_sides(listing, agent, Attribution.LIST_ONLY) <= full
    assert full <= 2 * half_sides(listing, agent, Attribution.SPLIT)
