"""From runs to the table: medians over the rounds, ratios to the one-day script first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.contest import Run
from tests.benchmarks.contestants import CONTESTANTS, ONE_DAY_SCRIPT, Contestant

BEGIN, END = "<!-- make benchmark WRITE=1 replaces what follows -->", "<!-- until here -->"

_HEADINGS = (
    "",
    "CPU a page ÷ script",
    "pages/s ÷ script",
    "memory ÷ script",
    "CPU ms a page",
    "waits a page",
    "CPU ms a page, start included",
    "start, CPU s",
    "pages/s",
    "peak MB",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """
    One contestant's medians.

    A page costs what the larger run takes more than the smaller one, over the pages that it has more; the start is
    what the smaller run takes beyond its pages. All else is that of the larger run as a whole.
    """

    cpu_ms_a_page: float
    waits_a_page: float
    cpu_ms_a_page_in_all: float
    start_cpu_seconds: float
    pages_a_second: float
    peak_bytes: float


def cost(runs: Sequence[Run]) -> Cost:
    """Work out one contestant's cost from its runs of two sizes."""
    few, many = min(run.pages for run in runs), max(run.pages for run in runs)
    small = [run.usage for run in runs if run.pages == few]
    large = [run.usage for run in runs if run.pages == many]
    cpu_few = median(usage.cpu_seconds for usage in small)
    cpu_many = median(usage.cpu_seconds for usage in large)
    cpu_a_page = (cpu_many - cpu_few) / (many - few)
    waits = median(usage.waits for usage in large) - median(usage.waits for usage in small)
    return Cost(
        cpu_ms_a_page=1000 * cpu_a_page,
        waits_a_page=waits / (many - few),
        cpu_ms_a_page_in_all=1000 * cpu_many / many,
        start_cpu_seconds=cpu_few - few * cpu_a_page,
        pages_a_second=many / median(usage.wall_seconds for usage in large),
        peak_bytes=median(usage.peak_bytes for usage in large),
    )


def table(runs: Iterable[Run]) -> str:
    """Write the Markdown table."""
    runs = list(runs)
    costs = {contestant: cost([run for run in runs if run.contestant == contestant]) for contestant in CONTESTANTS}
    script = costs[ONE_DAY_SCRIPT]
    rows = [_HEADINGS, ("---", *("---:" for _ in _HEADINGS[1:]))]
    rows += [_row(contestant, own, script) for contestant, own in costs.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(contestant: Contestant, own: Cost, script: Cost) -> tuple[str, ...]:
    return (
        contestant.name,
        f"{own.cpu_ms_a_page / script.cpu_ms_a_page:.2f}",
        f"{own.pages_a_second / script.pages_a_second:.2f}",
        f"{own.peak_bytes / script.peak_bytes:.2f}",
        f"{own.cpu_ms_a_page:.2f}",
        f"{own.waits_a_page:.1f}",
        f"{own.cpu_ms_a_page_in_all:.2f}",
        f"{own.start_cpu_seconds:.2f}",
        f"{own.pages_a_second:.0f}",
        f"{own.peak_bytes / 1e6:.0f}",
    )


def replaced(page: str, block: str) -> str:
    """Put a block between the marks of a page; raises ValueError if it has not both of them in order, once each."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must hold {BEGIN} and then {END}, once each")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"
