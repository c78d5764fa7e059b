"""How long a throttled answer asks to wait, in the dialects that listing APIs say it in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from prograde.adapters.listing_api.header_list import parameters, split_list
from prograde.adapters.listing_api.waits import DAY, HOUR, MINUTE, MONTH, by_size, delta_or_date, number

FIELD_LENGTH_MAX = 8_192
"""How much of one header is read."""
VALUES_MAX = 20
"""How many values of one header are read."""

# Where a header is given twice, its values come joined by commas, and a date has one of its own.
_RETRY_AFTER_VALUE = re.compile(r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,)?[^,]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Window:
    """A provider's pair of headers about one window, which lasts `seconds` at most."""

    reset: str
    remaining: str
    seconds: float


_WINDOWS = (
    _Window("application-ratelimit-reset", "application-ratelimit-remaining", HOUR),  # Bridge
    _Window("burst-ratelimit-reset", "burst-ratelimit-remaining", MINUTE),  # Bridge
    _Window("hour-quota-resettime", "hour-quota-available", HOUR),  # Trestle
    _Window("minute-quota-resettime", "minute-quota-available", MINUTE),  # Trestle
    _Window("x-ratelimit-requests-reset", "x-ratelimit-requests-remaining", MONTH),  # RapidAPI, the plan's month
    _Window("x-ratelimit-reset", "x-ratelimit-remaining", DAY),  # RapidAPI and many others
    _Window("ratelimit-reset", "ratelimit-remaining", DAY),  # the IETF draft before its seventh version
)


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """
    Give the seconds that an answer asks to wait, at least 0 and finite; None where it says nothing readable.

    The most specific that is there decides: Retry-After, then the providers' resets, then the RateLimit fields. Of
    several windows only the exhausted ones count, and of these the one that takes longest. `headers` are looked up by
    lower-case names.
    """
    for read in (_retry_after, _provider_reset, _rate_limit):
        wait_seconds = read(headers, now)
        if wait_seconds is not None:
            return wait_seconds
    return None


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    values = _RETRY_AFTER_VALUE.finditer(_field(headers, "retry-after"))
    return _longest(delta_or_date(value[0], now) for value in islice(values, VALUES_MAX))


def _provider_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    return _longest(
        by_size(_field(headers, window.reset), now, window.seconds)
        for window in _WINDOWS
        if window.reset in headers and _is_exhausted(headers.get(window.remaining))
    )


def _rate_limit(headers: Mapping[str, str], now: datetime) -> float | None:
    """
    Read the IETF draft's RateLimit field, a member a policy: `"default";r=0;t=30`.

    Before its seventh version it was one mapping: `limit=10, remaining=0, reset=5`.
    """
    members = [split_list(member, ";") for member in split_list(_field(headers, "ratelimit"), ",")[:VALUES_MAX]]
    older = parameters(piece for member in members for piece in member)
    if "reset" in older:
        return by_size(older["reset"], now, DAY) if _is_exhausted(older.get("remaining")) else None
    windows = _policy_windows(_field(headers, "ratelimit-policy"))
    waits = []
    for name, *rest in members:
        stated = parameters(rest)
        if _is_exhausted(stated.get("r")):
            # Without a time, the whole window is as long as it can take.
            waits.append(by_size(stated.get("t") or windows.get(name, ""), now, MONTH))
    return _longest(waits)


def _policy_windows(policies: str) -> dict[str, str]:
    """Read RateLimit-Policy, `"default";q=100;w=60`: each policy's window."""
    members = (split_list(member, ";") for member in split_list(policies, ",")[:VALUES_MAX])
    return {name: parameters(rest).get("w", "") for name, *rest in members}


def _field(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "")[:FIELD_LENGTH_MAX]


def _is_exhausted(remaining: str | None) -> bool:
    """Tell whether nothing is left of a window: an answer that does not say so is throttled all the same."""
    left = None if remaining is None else number(remaining)
    return left is None or left <= 0


def _longest(waits: Iterable[float | None]) -> float | None:
    return max((wait for wait in waits if wait is not None), default=None)
