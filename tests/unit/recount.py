"""
The figures of a professional a second time, in exact fractions and by dictionaries: what `aggregation` is held to.

Shares no arithmetic with it: a share is 1/|agents on the side|, as the formula is published, not a number of halves.
"""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from prograde.domain.aggregation import Aggregate, Attribution, SaleWindow
from prograde.domain.listing import Listing, ListingStatus


def recount(
    active: Iterable[Listing],
    sold: Iterable[Listing],
    agent: str,
    attribution: Attribution,
    window: SaleWindow,
) -> Aggregate:
    """Recount the figures from everything met in either stage; the packed keys and rejections are left out."""
    on_market: dict[str, Listing] = {}
    for listing in active:
        sellers = {listing.list_agent, listing.co_list_agent}
        if listing.status is ListingStatus.ACTIVE and listing.is_sale and (agent in sellers or sellers == {None}):
            on_market.setdefault(listing.key, listing)
    sales: dict[str, tuple[Listing, Fraction, date]] = {}
    for listing in sold:
        share = share_of(listing, agent, attribution)
        day = listing.close_date
        if listing.status is not ListingStatus.CLOSED or not listing.is_sale or day is None or not share:
            continue
        if window.cutoff <= day <= window.as_of:
            sales.setdefault(listing.key, (listing, share, day))
    days = [day for _, _, day in sales.values()]
    return Aggregate(
        half_cents=_halves(sum(share * (listing.close_price_cents or 0) for listing, share, _ in sales.values())),
        half_sides=_halves(sum(share for _, share, _ in sales.values())),
        unpriced_half_sides=_halves(
            sum(share for listing, share, _ in sales.values() if listing.close_price_cents is None)
        ),
        sold_count=len(sales),
        sold_cents=sum(listing.close_price_cents or 0 for listing, _, _ in sales.values()),
        active_count=len(on_market),
        active_cents=sum(listing.list_price_cents or 0 for listing in on_market.values()),
        first_close=min(days, default=None),
        last_close=max(days, default=None),
    )


def share_of(listing: Listing, agent: str, attribution: Attribution) -> Fraction:
    """The sides that an agent has in a listing."""
    if attribution is Attribution.LIST_ONLY:
        return Fraction(listing.list_agent == agent)
    sides = [
        {key for key in (listing.list_agent, listing.co_list_agent) if key},
        {key for key in (listing.buyer_agent, listing.co_buyer_agent) if key},
    ]
    shares = [Fraction(1, len(side) if attribution is Attribution.SPLIT else 1) for side in sides if agent in side]
    return sum(shares, Fraction(0))


def _halves(number: Fraction | int) -> int:
    doubled = Fraction(number) * 2
    assert doubled.denominator == 1
    return doubled.numerator
