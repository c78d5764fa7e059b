"""Many seeds, on all cores."""

import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.simulation.run import Report, simulate

SEEDS = Path(__file__).with_name("seeds.txt")
RUNS_OF_CI = 500


def kept_seeds() -> list[int]:
    """Read the seeds that once failed."""
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [int(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


def seeds_upto(runs: int) -> list[int]:
    """Name the seeds that once failed, then as many others, each once."""
    return list(dict.fromkeys([*kept_seeds(), *range(runs)]))


def simulated(seeds: Sequence[int]) -> Iterator[Report]:
    """Run seeds on all cores, in any order."""
    workers = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(workers, initializer=be_quiet) as pool:
        yield from pool.imap_unordered(simulate, seeds, chunksize=5)


def be_quiet() -> None:
    """Say nothing of requests that fail: they are meant to."""
    logging.disable(logging.CRITICAL)
