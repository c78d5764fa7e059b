"""`make simulate`: many seeds on all cores, or one with its whole log."""

import argparse
import sys
import time
from collections import Counter

from tests.house.checkout import ROOT
from tests.simulation.many import be_quiet, simulated
from tests.simulation.report import Total, failed, replaced, table, tally
from tests.simulation.run import simulate
from tests.simulation.seeds import RUNS_OF_CI, seeds_upto
from tests.simulation.sometimes import never

PAGE = ROOT / "docs" / "reliability.md"


def run_many(runs: int, *, is_written: bool) -> int:
    """Run the kept seeds and as many others; returns the exit code."""
    seeds = seeds_upto(runs)
    total = Total()
    began = time.monotonic()
    for report in simulated(seeds):
        total.add(report)
        if report.violations:
            say(failed(report))
    seconds = time.monotonic() - began
    say(tally(total.seen))
    say(f"{total.sentence()}; {seconds:.0f} s, {len(seeds) / seconds:.1f} seeds a second")
    missing = never(total.seen) if runs >= RUNS_OF_CI else []
    for name in missing:
        say(f"never happened: {name}")
    if is_written:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), table(total)), encoding="utf-8")
    return 1 if total.failed or missing else 0


def run_one(seed: int) -> int:
    """Run one seed and print all that happened."""
    be_quiet()
    report = simulate(seed, events_kept=None)
    say("\n".join(str(event) for event in report.events))
    say(f"faults: {', '.join(report.faults) or 'none'}")
    say("\n".join(f"{count:9,}  {what}" for what, count in sorted(Counter(report.seen).items())))
    for violation in report.violations:
        say(f"VIOLATION {violation}")
    return 1 if report.violations else 0


def say(text: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Simulate batches under seeded faults.")
    parser.add_argument("--seed", type=int, help="replay this seed and print its log")
    parser.add_argument("--runs", type=int, default=RUNS_OF_CI)
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    options = parser.parse_args()
    if options.seed is not None:
        return run_one(options.seed)
    return run_many(options.runs, is_written=options.write)


if __name__ == "__main__":
    sys.exit(main())
