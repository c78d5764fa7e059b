"""Which seeds are run: those that once failed or alone catch a mutant, then as many others as CI has time for."""

from pathlib import Path

SEEDS = Path(__file__).with_name("seeds.txt")
RUNS_OF_CI = 500


def kept_seeds() -> list[int]:
    """Read the seeds that are worth keeping."""
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [int(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


def seeds_upto(runs: int) -> list[int]:
    """Name the seeds that are kept, then as many others, each once."""
    return list(dict.fromkeys([*kept_seeds(), *range(runs)]))
