"""`make simulate`: many seeds on all cores, or one with its whole log."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.many import RUNS_OF_CI, be_quiet, kept_seeds, simulated
from tests.simulation.run import Report, simulate
from tests.simulation.sometimes import never, times

VIOLATIONS_SHOWN = 5


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


def print_table(rows: Iterable[tuple[str, int]]) -> None:
    """Print how often each thing happened."""
    for name, count in rows:
        print(f"{count:9,}  {name}")


def run_many(runs: int) -> int:
    """Run the kept seeds and as many others; returns the exit code."""
    seeds = [*kept_seeds(), *range(runs)]
    seen: Counter[str] = Counter()
    failures = professionals = calls = 0
    virtual_seconds = 0.0
    began = time.monotonic()
    for report in simulated(seeds):
        seen += report.seen
        professionals += report.professionals
        calls += report.calls
        virtual_seconds += report.virtual_seconds
        if report.violations:
            failures += 1
            print(failed(report))
    seconds = time.monotonic() - began
    print_table(times(seen))
    print(
        f"{len(seeds):,} seeds in {seconds:.0f} s ({len(seeds) / seconds:.1f} a second): {professionals:,} professionals,"
        f" {calls:,} calls, {virtual_seconds / 86_400:.0f} days of virtual time; {failures} failed"
    )
    missing = never(seen) if runs >= RUNS_OF_CI else []
    for name in missing:
        print(f"never happened: {name}")
    return 1 if failures or missing else 0


def run_one(seed: int) -> int:
    """Run one seed and print all that happened."""
    be_quiet()
    report = simulate(seed, events_kept=None)
    for event in report.events:
        print(event)
    print(f"faults: {', '.join(report.faults) or 'none'}")
    print_table(sorted(report.seen.items()))
    for violation in report.violations:
        print(f"VIOLATION {violation}")
    return 1 if report.violations else 0


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Simulate batches under seeded faults.")
    parser.add_argument("--seed", type=int, help="replay this seed and print its log")
    parser.add_argument("--runs", type=int, default=RUNS_OF_CI)
    options = parser.parse_args()
    if options.seed is not None:
        return run_one(options.seed)
    return run_many(options.runs)


if __name__ == "__main__":
    sys.exit(main())
