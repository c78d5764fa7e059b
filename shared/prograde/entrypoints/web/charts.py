"""The geometry of the drawings: numbers in, coordinates out, so that a template only writes them down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from prograde.domain.batch import Parameters
from prograde.domain.counter import VOLUME_EDGES
from prograde.entrypoints.web.rendering import short_dollars

WIDTH, HEIGHT = 480, 236
TOP, BOTTOM = 34, 26
LABEL_WIDTH = 42


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a stacked bar that is 100 wide."""

    name: str
    look: str
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a histogram, from `x` on, and what it counts."""

    x: float
    y: float
    width: float
    height: float
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, or a mark across it."""

    x: float
    text: str
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of volumes over a logarithmic axis, with the rubric's thresholds across it."""

    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    thresholds: tuple[Tick, ...]
    floor: float = HEIGHT - BOTTOM
    width: int = WIDTH
    height: int = HEIGHT
    top: int = TOP


def stacked(counts: Sequence[tuple[str, str, int]], whole: int) -> tuple[Part, ...]:
    """Lay parts (name, look, count) side by side on a bar 100 wide that stands for the whole."""
    parts, x = [], 0.0
    for name, look, count in counts:
        width = round(100 * count / whole, 3) if whole else 0.0
        parts.append(Part(name, look, count, round(x, 3), width))
        x += width
    return tuple(parts)


def grade_look(index: int, tiers: int) -> str:
    """Tell the colour of a tier: the best is the strongest, of six."""
    return f"grade-{round(5 * index / max(1, tiers - 1))}"


def volume_histogram(by_volume: Mapping[int, int], parameters: Parameters) -> Histogram | None:
    """Draw how volumes are distributed; None while there is nothing to draw."""
    if not any(by_volume.values()):
        return None
    minimums = [(tier.name, tier.minimum_cents / 100) for tier in parameters.rubric.tiers if tier.minimum_cents]
    reach = max([edge for edge, count in by_volume.items() if count] + [minimum for _, minimum in minimums])
    edges = [edge for edge in VOLUME_EDGES if edge <= reach]
    width = WIDTH / len(edges)
    most = max(by_volume.values())
    floor = HEIGHT - BOTTOM
    columns = []
    for index, edge in enumerate(edges):
        count = by_volume.get(edge, 0)
        height = max(round((floor - TOP) * count / most, 1), 1.5 if count else 0.0)
        text = f"{_span(index)}: {count:,}"
        columns.append(Column(round(index * width + 1, 1), floor - height, round(width - 2, 1), height, count, text))
    every = max(1, round(LABEL_WIDTH / width + 0.5))
    ticks = tuple(
        Tick(round(index * width, 1), short_dollars(edge)) for index, edge in enumerate(edges) if index % every == 0
    )
    return Histogram(tuple(columns), ticks, _marks(minimums, width))


def _span(index: int) -> str:
    low = VOLUME_EDGES[index]
    if index + 1 == len(VOLUME_EDGES):
        return f"{short_dollars(low)} and more"
    return f"{short_dollars(low)} to {short_dollars(VOLUME_EDGES[index + 1])}"


def _marks(minimums: Sequence[tuple[str, float]], width: float) -> tuple[Tick, ...]:
    """Place the thresholds, their names on two heights where they would touch."""
    marks: list[Tick] = []
    for name, minimum in sorted(minimums, key=lambda pair: pair[1]):
        x = round(_place(minimum) * width, 1)
        is_near = bool(marks) and x - marks[-1].x < LABEL_WIDTH
        y = TOP - 20 if is_near and marks[-1].y == TOP - 8 else TOP - 8
        marks.append(Tick(x, name, y))
    return tuple(marks)


def _place(dollars: float) -> float:
    """Tell where an amount stands among the edges, in columns: logarithmic between two, straight below the first."""
    last = len(VOLUME_EDGES) - 1
    index = max(position for position, edge in enumerate(VOLUME_EDGES) if edge <= dollars)
    if index == last:
        return last + 0.5
    low, high = VOLUME_EDGES[index], VOLUME_EDGES[index + 1]
    return index + (dollars / high if low == 0 else log(dollars / low) / log(high / low))
