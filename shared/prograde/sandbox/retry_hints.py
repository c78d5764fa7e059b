"""The ways in which listing APIs say when to call again, or fail to."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

from prograde.sandbox.answer import Headers

ABSURD_SECONDS = 999_999_999_999
"""Some 31,000 years."""


class RetryHint(StrEnum):
    """One way to say it; the value is its name in `/__stats`."""

    SECONDS = "seconds"
    DATE = "date"
    ZERO = "zero"
    NEGATIVE = "negative"
    ABSURD = "absurd"
    MISSING = "missing"
    RESET_EPOCH_S = "reset_epoch_s"
    RESET_EPOCH_MS = "reset_epoch_ms"
    RESET_ISO = "reset_iso"
    RESET_DELTA = "reset_delta"
    RATELIMIT = "ratelimit"


def hint_headers(hint: RetryHint, wait_seconds: float, now: datetime) -> Headers:
    """Say in this way that a call is welcome after so many seconds; what cannot say it that finely rounds up."""
    due_at = now + timedelta(seconds=wait_seconds)
    return _WORDINGS[hint](math.ceil(wait_seconds), due_at)


def _retry_after(value: object) -> Headers:
    return (("Retry-After", str(value)),)


def _reset(prefix: str, value: object) -> Headers:
    return ((f"{prefix}-Remaining", "0"), (f"{prefix}-Reset", str(value)))


def _whole_second(moment: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC)


_WORDINGS: Mapping[RetryHint, Callable[[int, datetime], Headers]] = {
    RetryHint.SECONDS: lambda seconds, _: _retry_after(seconds),
    RetryHint.DATE: lambda _, due_at: _retry_after(format_datetime(_whole_second(due_at), usegmt=True)),
    RetryHint.ZERO: lambda *_: _retry_after(0),
    RetryHint.NEGATIVE: lambda *_: _retry_after(-5),
    RetryHint.ABSURD: lambda *_: _retry_after(ABSURD_SECONDS),
    RetryHint.MISSING: lambda *_: (),
    RetryHint.RESET_EPOCH_S: lambda _, due_at: _reset("Application-RateLimit", math.ceil(due_at.timestamp())),
    RetryHint.RESET_EPOCH_MS: lambda _, due_at: _reset("X-RateLimit", math.ceil(due_at.timestamp() * 1000)),
    RetryHint.RESET_ISO: lambda _, due_at: _reset(
        "Application-RateLimit", f"{_whole_second(due_at):%Y-%m-%dT%H:%M:%SZ}"
    ),
    # The IETF's draft before its seventh version, and since.
    RetryHint.RESET_DELTA: lambda seconds, _: _reset("RateLimit", seconds),
    RetryHint.RATELIMIT: lambda seconds, _: (("RateLimit", f'"default";r=0;t={seconds}'),),
}
