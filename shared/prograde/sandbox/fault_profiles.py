"""
The faults that can be asked for, by name.

The table in `docs/sandbox.md` says the same; a test compares them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import ClassVar, Self, TypeAlias

from prograde.sandbox.answer_faults import HTML_PAGES, MALFORMED_BODIES, SERVER_ERRORS, THROTTLES
from prograde.sandbox.draws import draw
from prograde.sandbox.fault import Fault
from prograde.sandbox.retry_hints import RetryHint
from prograde.sandbox.wire_faults import CUT_SHORT, RESET_AT_ONCE, RESETS, SLOW_DRIPS

FAULTS_IN_A_ROW_MAX = 3
"""Below every sensible failure limit, so that a client that asks again gets its answer."""

OUTAGE_SECONDS_MAX = 86_400

_PERIOD = re.compile(r"(?P<start>[0-9]{1,6}(?:\.[0-9]{1,3})?)\.\.(?P<end>[0-9]{1,6}(?:\.[0-9]{1,3})?)")


@dataclass(frozen=True, slots=True)
class FaultProfile:
    """
    What goes wrong, how often and for how long.

    `share` is the part of all rounds of calls for one URL that begin with faults, `in_a_row_min` to `in_a_row_max` of
    them. `retry_hints` are the ways in which the rate limit, too, then says when to call again.
    """

    name: str
    sentence: str
    faults: tuple[Fault, ...]
    share: float
    in_a_row_min: int = 1
    in_a_row_max: int = FAULTS_IN_A_ROW_MAX
    retry_hints: tuple[RetryHint, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.in_a_row_min <= self.in_a_row_max <= FAULTS_IN_A_ROW_MAX:
            raise ValueError(f"{self.name}: faults come 1 to {FAULTS_IN_A_ROW_MAX} in a row")
        if not 0 <= self.share <= 1:
            raise ValueError(f"{self.name}: a share lies between 0 and 1")

    def faults_in_a_row(self, seed: int, url: str, round_number: int) -> int:
        """How many faults this round of calls for a URL begins with."""
        if draw(seed, self.name, url, round_number) >= self.share:
            return 0
        spread = self.in_a_row_max - self.in_a_row_min + 1
        return self.in_a_row_min + int(draw(seed, self.name, "in a row", url, round_number) * spread)

    def without(self, *kinds: str) -> Self:
        """The same profile without some of its faults, for a client that is not prepared for them."""
        return replace(self, faults=tuple(fault for fault in self.faults if fault.kind not in kinds))


@dataclass(frozen=True, slots=True)
class Outage:
    """Every call fails from `start_seconds` up to `end_seconds` after the first call, however often it is repeated."""

    name: ClassVar[str] = "outage"
    sentence: ClassVar[str] = (
        "Every call fails for a while, 10 to 40 seconds after the first unless --outage says when."
    )
    faults: ClassVar[tuple[Fault, ...]] = (*SERVER_ERRORS, RESET_AT_ONCE)

    start_seconds: float = 10
    end_seconds: float = 40

    def __post_init__(self) -> None:
        if not 0 <= self.start_seconds < self.end_seconds <= OUTAGE_SECONDS_MAX:
            raise ValueError(f"an outage lies between 0 and {OUTAGE_SECONDS_MAX:,} seconds and ends after its start")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `START..END`; raises ValueError."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no period: write it as 5..20 (seconds after the first call)")
        return cls(float(match["start"]), float(match["end"]))


FaultSource: TypeAlias = FaultProfile | Outage

_PROFILES = (
    FaultProfile(
        "throttling",
        "429, 503 and 403 that say when to call again in every way that listing APIs have, wrong ones included.",
        THROTTLES,
        share=0.25,
        retry_hints=tuple(RetryHint),
    ),
    FaultProfile("bursts", "500, 502, 503 and 504, two or three in a row.", SERVER_ERRORS, share=0.15, in_a_row_min=2),
    FaultProfile(
        "cut_short", "The connection ends in the middle of the body, of known length or chunked.", CUT_SHORT, share=0.2
    ),
    FaultProfile("resets", "The connection is reset, before the first byte or in the body.", RESETS, share=0.2),
    FaultProfile("html", "Status 200 and an HTML page, to sign in or about maintenance.", HTML_PAGES, share=0.2),
    FaultProfile(
        "slow_drip",
        "A byte each half second, for up to 90 seconds, from the status line on or only in the body.",
        SLOW_DRIPS,
        share=0.03,
        in_a_row_max=1,  # each one costs a client the whole of its deadline
    ),
    FaultProfile(
        "malformed",
        "Status 200 and a body that is half, holds NaN, nests 100,000 levels deep, has other types or is null.",
        MALFORMED_BODIES,
        share=0.2,
    ),
)
_EVERYTHING = FaultProfile(
    "everything",
    "All of the above, mixed.",
    tuple(chain.from_iterable(profile.faults for profile in _PROFILES)),
    share=0.4,
    retry_hints=tuple(RetryHint),
)

FAULT_SOURCES: Mapping[str, FaultSource] = MappingProxyType(
    {source.name: source for source in (*_PROFILES, _EVERYTHING, Outage())}
)
"""All that can be asked for, in the order in which it is printed."""


def fault_sources(*names: str) -> tuple[FaultSource, ...]:
    """Look up names, or lists of names with commas between, each once; raises ValueError for one that is unknown."""
    wanted = dict.fromkeys(name.strip() for listed in names for name in listed.split(","))
    for name in wanted:
        if name not in FAULT_SOURCES:
            raise ValueError(f"{name!r} is no fault profile: use {', '.join(FAULT_SOURCES)}")
    return tuple(FAULT_SOURCES[name] for name in wanted)
