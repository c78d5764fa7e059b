"""From reports to what people read: a failed run, the tally, and the table of docs/reliability.md."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.chance import Fault
from tests.simulation.run import Report
from tests.simulation.sometimes import times

BEGIN, END = "<!-- make simulate RUNS=10000 WRITE=1 replaces what follows -->", "<!-- until here -->"
VIOLATIONS_SHOWN = 5


@dataclass(slots=True)
class Effect:
    """What was seen of one fault: the runs in which it struck, and those of them whose digest was the calm run's."""

    runs: int = 0
    strikes: int = 0
    equal: int = 0
    rows_equal: int = 0
    rows_touched: int = 0

    def counts(self) -> tuple[int, ...]:
        """Give the counts in the order of the table's columns."""
        return self.runs, self.strikes, self.equal, self.rows_equal, self.rows_touched


@dataclass(slots=True)
class Total:
    """All runs so far."""

    runs: int = 0
    failed: int = 0
    professionals: int = 0
    calls: int = 0
    virtual_seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    effects: dict[Fault, Effect] = field(default_factory=lambda: {fault: Effect() for fault in Fault})

    def add(self, report: Report) -> None:
        """Count one run."""
        self.runs += 1
        self.failed += bool(report.violations)
        self.professionals += report.professionals
        self.calls += report.calls
        self.virtual_seconds += report.virtual_seconds
        self.seen += report.seen
        touched = sum(count for what, count in report.seen.items() if what.startswith("row changed"))
        for fault in Fault:
            if report.seen[fault]:
                effect = self.effects[fault]
                effect.runs += 1
                effect.strikes += report.seen[fault]
                effect.equal += report.seen["run whose digest equals the calm run's"]
                effect.rows_equal += report.seen["row equal to the calm run's"]
                effect.rows_touched += touched

    def sentence(self) -> str:
        """Say how much was run."""
        return (
            f"{self.runs:,} runs of {self.professionals:,} professionals, {self.calls:,} calls and "
            f"{self.virtual_seconds / 86_400:,.0f} days of virtual time: {self.failed} violated an invariant"
        )


def failed(report: Report) -> str:
    """Describe a failed run, and how to see it again."""
    return "\n".join(
        [
            f"seed {report.seed} fails, with {', '.join(report.faults)}:",
            *(f"  {violation}" for violation in report.violations[:VIOLATIONS_SHOWN]),
            "the last that happened:",
            *(f"  {event}" for event in report.events),
            f"again: make simulate SEED={report.seed}",
            "",
        ]
    )


def tally(seen: Counter[str]) -> str:
    """List how often each interesting thing happened."""
    return "\n".join(f"{count:9,}  {name}" for name, count in times(seen))


def table(total: Total) -> str:
    """Write the sentence and the Markdown table."""
    rows = [
        ("Fault", "runs", "strikes", "runs with the calm run's digest", "rows equal", "rows of whom it touched"),
        ("---", *("---:" for _ in range(5))),
        *((fault.value, *(f"{count:,}" for count in each.counts())) for fault, each in total.effects.items()),
    ]
    return f"{total.sentence()}.\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def replaced(page: str, block: str) -> str:
    """Put a block between the marks of a page; raises ValueError if it has not both of them in order, once each."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must hold {BEGIN} and then {END}, once each")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"
