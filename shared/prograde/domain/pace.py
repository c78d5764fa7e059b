"""How many calls a source allows, and when the next one may leave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

LIMIT_MAX = 10_000_000

SPACING_SHARE = 0.5
"""Calls keep at least this share of the quickest even spacing: no bursts, and room to catch up after a late wake-up."""
MARGIN_SHARE = 0.005
"""What a window is longer by: calls sent in time arrive with some jitter, and the source counts arrivals."""
MARGIN_MAX = timedelta(milliseconds=50)
"""Jitter does not grow with the window."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A window: at most `limit` calls in any `interval`."""

    limit: int
    interval: timedelta

    @property
    def span(self) -> timedelta:
        """The distance that a call keeps to the one `limit` calls before it."""
        return self.interval + min(self.interval * MARGIN_SHARE, MARGIN_MAX)


def free_at(limits: Sequence[RateLimit], now: int, latest: Callable[[int], int | None], share: float = 1.0) -> int:
    """
    Tell when the next call may leave, in the microseconds of `now`; not later than `now` means at once.

    `latest(n)` gives the send time of the call n calls ago, None if there were fewer. A call may leave when, in each
    window, the call `limit` calls ago left a whole window earlier; that is exact for a sliding window, and nothing
    of the limit is given away. A `share` below 1 spaces the calls evenly at that share of the quickest window's rate:
    what throttles is mostly a burst, and a day's window spread evenly would be slower than any source asks for.
    """
    last = latest(1)
    if last is None:
        return now
    even = min(limit.interval / limit.limit for limit in limits)
    spacing = even * SPACING_SHARE if share >= 1 else even / share
    moments = [last + _microseconds(spacing)]
    for limit in limits:
        before = latest(limit.limit)
        if before is not None:
            moments.append(before + _microseconds(limit.span))
    return max(moments)


def used_up(limits: Sequence[RateLimit], now: int, latest: Callable[[int], int | None]) -> RateLimit | None:
    """Tell the limit whose window is full for longest; None where none is."""
    full = [
        (before + _microseconds(limit.span), limit)
        for limit in limits
        if (before := latest(limit.limit)) is not None and before + _microseconds(limit.span) > now
    ]
    return max(full, key=lambda each: each[0], default=(0, None))[1]


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
