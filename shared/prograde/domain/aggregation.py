"""
What one page of listings adds to a professional's figures, exactly and each listing once.

A side is one of the two parts of a sale, list and buy. Under the default rule `split` an agent's side counts
1/|agents on that side| and both sides add: co-listers "each will earn half of a transaction side" (ARMLS), an
agent alone on both sides has twice the price (SmartMLS, RealtyJuggler).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from struct import pack, unpack

from prograde.domain.listing import Listing, ListingStatus

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
    if attribution is Attribution.LIST_ONLY:
        return 2 if listing.list_agent == agent else 0
    return _share(agent, listing.list_agent, listing.co_list_agent, attribution) + _share(
        agent, listing.buyer_agent, listing.co_buyer_agent, attribution
    )


def _share(agent: str, first: str | None, second: str | None, attribution: Attribution) -> int:
    """One side's half sides; the same key in both slots is one agent."""
    if agent not in (first, second):
        return 0
    is_shared = first is not None and second is not None and first != second
    return 1 if is_shared and attribution is Attribution.SPLIT else 2


def add_active(aggregate: Aggregate, listings: Iterable[Listing], agent: str) -> Aggregate:
    """Add a page of the active stage: active listings that are the agent's, or that name no list agent at all."""
    seen = _Seen(aggregate.seen)
    count, total = aggregate.active_count, aggregate.active_cents
    for listing in listings:
        sellers = (listing.list_agent, listing.co_list_agent)
        is_theirs = agent in sellers or sellers == (None, None)
        if listing.status is ListingStatus.ACTIVE and listing.is_sale and is_theirs and seen.is_new("a", listing.key):
            count += 1
            total += listing.list_price_cents or 0
    return replace(aggregate, active_count=count, active_cents=total, seen=seen.packed())


def add_sold(
    aggregate: Aggregate, listings: Iterable[Listing], agent: str, attribution: Attribution, window: SaleWindow
) -> Aggregate:
    """
    Add a page of the historical stage: closed sales inside the window with the agent on a side.

    The order of pages does not matter, as long as a listing met twice is the same listing; where it changed in
    between, the first one added counts.
    """
    seen = _Seen(aggregate.seen)
    volume, sides, unpriced = aggregate.half_cents, aggregate.half_sides, aggregate.unpriced_half_sides
    sold_count, sold_cents = aggregate.sold_count, aggregate.sold_cents
    first, last = aggregate.first_close, aggregate.last_close
    for listing in listings:
        closed_on = listing.close_date
        if not is_sale_within(listing, window) or closed_on is None:
            continue
        share = half_sides(listing, agent, attribution)
        if share == 0 or not seen.is_new("s", listing.key):
            continue
        price = listing.close_price_cents
        sides += share
        sold_count += 1
        if price is None:
            unpriced += share
        else:
            volume += share * price
            sold_cents += price
        first = closed_on if first is None or closed_on < first else first
        last = closed_on if last is None or closed_on > last else last
    return replace(
        aggregate,
        half_cents=volume,
        half_sides=sides,
        unpriced_half_sides=unpriced,
        sold_count=sold_count,
        sold_cents=sold_cents,
        first_close=first,
        last_close=last,
        seen=seen.packed(),
    )


def is_sale_within(listing: Listing, window: SaleWindow) -> bool:
    """Whether it is a closed sale (no lease, nothing withdrawn with a stale price) that closed inside the window."""
    return (
        listing.status is ListingStatus.CLOSED
        and listing.is_sale
        and listing.close_date is not None
        and window.cutoff <= listing.close_date <= window.as_of
    )


class _Seen:
    """The listings already counted, as 64-bit hashes: at 20,000 keys two collide once in 10^11 professionals."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._before = unpack(f">{len(packed) // _KEY_BYTES}Q", packed)
        self._hashes = set(self._before)
        self._new: list[int] = []

    def is_new(self, kind: str, key: str) -> bool:
        """Tell whether the key is met for the first time, and remember it."""
        # A kind of its own for each stage: an active listing may close before the historical stage reads it.
        key_hash = int.from_bytes(blake2b(f"{kind}{key}".encode(), digest_size=_KEY_BYTES).digest())
        if key_hash in self._hashes:
            return False
        self._hashes.add(key_hash)
        self._new.append(key_hash)
        return True

    def packed(self) -> bytes:
        """Pack the hashes in a canonical order, so that equal sets are equal bytes."""
        if not self._new:
            return self._packed
        # What was packed is in order already, and sorting what is nearly sorted is quick.
        hashes = sorted([*self._before, *self._new])
        return pack(f">{len(hashes)}Q", *hashes)
