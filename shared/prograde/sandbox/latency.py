"""How long an answer takes."""

import re
from dataclasses import dataclass
from typing import Self

from prograde.sandbox.draws import draw

LATENCY_MS_MAX = 60_000

_LATENCY = re.compile(r"(?P<least>[0-9]{1,6})(?:\.\.(?P<most>[0-9]{1,6}))?")


@dataclass(frozen=True, slots=True)
class Latency:
    """A pause before each answer, drawn evenly between two bounds."""

    ms_min: int
    ms_max: int

    def __post_init__(self) -> None:
        if not 0 <= self.ms_min <= self.ms_max <= LATENCY_MS_MAX:
            raise ValueError(f"a latency lies between 0 and {LATENCY_MS_MAX:,} ms, its lower bound first")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `MS` or `MS..MS`; raises ValueError."""
        match = _LATENCY.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no latency: write it as 20 or 20..80 (milliseconds)")
        return cls(int(match["least"]), int(match["most"] or match["least"]))

    def seconds(self, seed: int, ordinal: int) -> float:
        """How long the answer with this ordinal waits."""
        return (self.ms_min + (self.ms_max - self.ms_min) * draw(seed, "latency", ordinal)) / 1000
