"""
What one page of listings adds to a professional's figures, exactly and each listing once.

A side is one of the two parts of a sale, list and buy. Under the default rule `split` an agent's side counts
1/|agents on that side| and both sides add: co-listers "each will earn half of a transaction side" (ARMLS), an
agent alone on both sides has twice the price (SmartMLS, RealtyJuggler).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from struct import pack, unpack

from prograde.domain.listing import Listing, ListingStatus
from prograde.replacing import replace

KEYS_MAX = 20_000
"""
Listings of one professional that can be told apart: 160 kB of packed hashes, far below Firestore's 1 MiB.

Also what keeps a volume within 64 bits: 20,000 listings of four half sides at CENTS_MAX are 8e18.
"""

_KEY_BYTES = 8


class Attribution(StrEnum):
    """Whose sale it is: shares of a side, whole sides, or the listing agent's alone."""

    SPLIT = "split"
    FULL = "full"
    LIST_ONLY = "list_only"


@dataclass(frozen=True, slots=True)
class SaleWindow:
    """The close dates that count, both ends included."""

    cutoff: date
    as_of: date


@dataclass(frozen=True, slots=True)
class Aggregate:
    """
    A professional's figures so far.

    `half_cents` and `half_sides` are attributed; `sold_count` and `sold_cents` count each closed sale once, whatever
    the share; unpriced sides are in `half_sides` too. `seen` holds a packed 64-bit hash of every listing met.
    """

    half_cents: int = 0
    half_sides: int = 0
    unpriced_half_sides: int = 0
    sold_count: int = 0
    sold_cents: int = 0
    active_count: int = 0
    active_cents: int = 0
    first_close: date | None = None
    last_close: date | None = None
    rejected_records: int = 0
    seen: bytes = b""

    @property
    def is_overfull(self) -> bool:
        """Whether more listings were met than can be told apart."""
        return len(self.seen) > KEYS_MAX * _KEY_BYTES


def half_sides(listing: Listing, agent: str, attribution: Attribution) -> int:
    """Count the half sides that `agent` has in one closed sale: 0 to 4."""
    _, _, _, _, _, _, lister, co_lister, buyer, co_buyer = listing
    if attribution is Attribution.LIST_ONLY:
        return 2 if lister == agent else 0
    shared = 1 if attribution is Attribution.SPLIT else 2
    total = 0
    # The same key in both slots is one agent.
    if agent in (lister, co_lister):
        total = 2 if lister is None or co_lister is None or lister == co_lister else shared
    if agent in (buyer, co_buyer):
        total += 2 if buyer is None or co_buyer is None or buyer == co_buyer else shared
    return total


def add_active(aggregate: Aggregate, listings: Sequence[Listing], agent: str) -> Aggregate:
    """Add a page of the active stage: active listings that are the agent's, or that name no list agent at all."""
    theirs = {listing.key: listing for listing in reversed(listings) if _is_active_of(listing, agent)}
    new, seen = _told_apart("a", theirs, aggregate.seen)
    return replace(
        aggregate,
        active_count=aggregate.active_count + len(new),
        active_cents=aggregate.active_cents + sum(theirs[key].list_price_cents or 0 for key in new),
        seen=seen,
    )


def _is_active_of(listing: Listing, agent: str) -> bool:
    sellers = (listing.list_agent, listing.co_list_agent)
    is_theirs = agent in sellers or sellers == (None, None)
    return listing.status is ListingStatus.ACTIVE and listing.is_sale and is_theirs


def add_sold(
    aggregate: Aggregate, listings: Sequence[Listing], agent: str, attribution: Attribution, window: SaleWindow
) -> Aggregate:
    """
    Add a page of the historical stage: closed sales inside the window with the agent on a side.

    The order of pages does not matter, as long as a listing met twice is the same listing; where it changed in
    between, the first one added counts.
    """
    theirs = {
        # From the end, so that of one key the first remains.
        listing.key: (share, listing.close_price_cents, listing.close_date)
        for listing in reversed(listings)
        if is_sale_within(listing, window) and (share := half_sides(listing, agent, attribution))
    }
    new, seen = _told_apart("s", theirs, aggregate.seen)
    if not new:
        return aggregate
    shares, prices, close_dates = zip(*map(theirs.__getitem__, new), strict=True)
    priced = [(share, price) for share, price in zip(shares, prices, strict=True) if price is not None]
    known = [day for day in (aggregate.first_close, aggregate.last_close) if day is not None]
    return replace(
        aggregate,
        half_cents=aggregate.half_cents + sum(share * price for share, price in priced),
        half_sides=aggregate.half_sides + sum(shares),
        unpriced_half_sides=aggregate.unpriced_half_sides + sum(shares) - sum(share for share, _ in priced),
        sold_count=aggregate.sold_count + len(new),
        sold_cents=aggregate.sold_cents + sum(price for _, price in priced),
        first_close=min([*known, *close_dates]),
        last_close=max([*known, *close_dates]),
        seen=seen,
    )


def is_sale_within(listing: Listing, window: SaleWindow) -> bool:
    """Whether it is a closed sale (no lease, nothing withdrawn with a stale price) that closed inside the window."""
    return (
        listing.status is ListingStatus.CLOSED
        and listing.is_sale
        and listing.close_date is not None
        and window.cutoff <= listing.close_date <= window.as_of
    )


def _told_apart(kind: str, keys: Iterable[str], packed: bytes) -> tuple[Sequence[str], bytes]:
    """
    Tell which keys are met for the first time, and remember them in `packed`.

    As 64-bit hashes: at 20,000 keys two collide once in 10^11 professionals. They are packed in a canonical order, so
    that equal sets are equal bytes. `kind` is the stage's: an active listing may close before the historical stage
    reads it.
    """
    before = unpack(f">{len(packed) // _KEY_BYTES}Q", packed)
    met = {int.from_bytes(blake2b((kind + key).encode(), digest_size=_KEY_BYTES).digest()): key for key in keys}
    new = met.keys() - set(before)
    if not new:
        return (), packed
    # What was packed is in order already, and sorting what is nearly sorted is quick.
    hashes = sorted([*before, *new])
    return list(map(met.__getitem__, new)), pack(f">{len(hashes)}Q", *hashes)
