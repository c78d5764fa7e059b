"""Measure what a page costs, and print the table: `make benchmark`."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.contest import Run, contest
from tests.benchmarks.contestants import CHECKOUT
from tests.benchmarks.full_pages import HISTORY_PAGES, PAGES_AN_AGENT
from tests.benchmarks.report import replaced, table

ROUNDS = 5
AGENTS = (15, 150)
PAGE = CHECKOUT / "docs" / "performance.md"


def main() -> None:
    """Run the contest, print its table and, if asked to, replace the one in docs/performance.md."""
    parser = argparse.ArgumentParser(prog="make benchmark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--agents", type=int, nargs=2, default=AGENTS, metavar=("FEW", "MANY"))
    parser.add_argument("--write", action="store_true", help=f"replace the table in {PAGE.relative_to(CHECKOUT)}")
    given = parser.parse_args()
    block = f"{_circumstances(given.agents, given.rounds)}\n\n{table(_runs(given.agents, given.rounds))}"
    sys.stdout.write(f"{block}\n")
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), block), encoding="utf-8")


def _runs(agents: Sequence[int], rounds: int) -> Iterator[Run]:
    """Run the contest in a temporary folder; what a contestant wrote is gone before the next one starts."""
    with tempfile.TemporaryDirectory(prefix="prograde-benchmark-") as folder:
        for run in contest(Path(folder), agents, rounds, lambda line: sys.stderr.write(f"{line}\n")):
            yield run
            shutil.rmtree(run.folder)


def _circumstances(agents: Sequence[int], rounds: int) -> str:
    few, many = (count * PAGES_AN_AGENT for count in agents)
    return (
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()};"
        f" medians of {rounds} rounds of {few:,} and {many:,} pages, {HISTORY_PAGES / PAGES_AN_AGENT:.0%} of them with"
        " 50 records:"
    )


if __name__ == "__main__":
    main()
