"""A slice of `make simulate`, and that a run is a function of its seed."""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.house.checkout import ROOT
from tests.simulation.chance import Chance, Fault
from tests.simulation.doubled_warehouse import doubled
from tests.simulation.run import Report, simulate
from tests.simulation.seeds import seeds_upto

PRINT_DIGEST = "from tests.simulation.test_simulation import digest; from tests.simulation.run import simulate; "


def digest(report: Report) -> str:
    """Digest everything that happened in a run."""
    return hashlib.sha256("\n".join(map(str, report.events)).encode()).hexdigest()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let requests fail without a word: they are meant to."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", seeds_upto(60))
def test_the_law_holds(seed: int) -> None:
    report = simulate(seed)

    assert () == report.violations, f"again: make simulate SEED={seed}"


@pytest.mark.parametrize("seed", [5, 12, 24])
def test_a_seed_is_the_same_run_in_every_process(seed: int) -> None:
    script = f"{PRINT_DIGEST} print(digest(simulate({seed}, events_kept=None)))"
    command = [sys.executable, "-c", script]
    digests = {
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.split()[-1]
        for hash_seed in ("1", "2")
    }

    assert {digest(simulate(seed, events_kept=None))} == digests


@pytest.mark.parametrize("seed", range(4))
def test_sql_over_the_same_raw_rows_says_what_the_recount_says(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with doubled(tmp_path_factory.mktemp("warehouse")) as warehouses:
        report = simulate(seed, warehouse_kind=warehouses)

    assert () == report.violations


def test_a_run_knows_one_fault_or_many() -> None:
    numbers = {len(Chance(f"run {seed}").faults) for seed in range(200)}

    assert 1 in numbers
    assert 20 < max(numbers) <= len(Fault)


def test_nothing_strikes_after_everything_has_healed() -> None:
    chance = Chance("any", frozenset({Fault.CRASH, Fault.SKEW}))
    assert any(chance.strikes(Fault.CRASH) for _ in range(10_000))

    chance.is_healed = True

    assert not any(chance.strikes(Fault.CRASH) for _ in range(10_000))
    assert not chance.has(Fault.SKEW)
