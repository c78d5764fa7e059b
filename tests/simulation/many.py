"""Many seeds, on all cores."""

import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence

from tests.simulation.run import Report, simulate


def simulated(seeds: Sequence[int]) -> Iterator[Report]:
    """Run seeds on all cores, in any order."""
    workers = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(workers, initializer=be_quiet) as pool:
        yield from pool.imap_unordered(simulate, seeds, chunksize=5)


def be_quiet() -> None:
    """Say nothing of requests that fail: they are meant to."""
    logging.disable(logging.CRITICAL)
