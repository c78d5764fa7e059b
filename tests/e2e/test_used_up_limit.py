"""A limit that is used up for an hour: nothing is called, nothing is charged, and who steers is heard at once."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.forked import Forked
from tests.e2e.machine import Workplace
from tests.e2e.test_killed_run import RUN, wait_for_calls

AN_HOUR_S = 30
SECONDS_TO_STEER = 60.0
"""Two or three on a machine that has nothing else to do; an hour for who waits for the limit."""


@pytest.fixture(scope="module")
def crowd() -> Iterator[SandboxServer]:
    with SandboxServer(seeded_market(300, 7, AS_OF)) as server:
        yield server


@pytest.fixture
def waiting_run(crowd: SandboxServer, tmp_path: Path) -> Iterator[tuple[Workplace, Forked]]:
    """A run of three hundred professionals whose second window, thirty calls an hour, is used up."""
    crowd.reset()
    place = Workplace.make(tmp_path, crowd, calls_a_second=100)
    source = tmp_path / "source.yaml"
    limits = f"{{limit: 100, interval: PT1S}}, {{limit: {AN_HOUR_S}, interval: PT1H}}"
    text = source.read_text(encoding="utf-8").replace("{limit: 100, interval: PT1S}", limits)
    source.write_text(text, encoding="utf-8")
    write_roster(tmp_path / "roster.csv", seeded_market(300, 7, AS_OF))
    process = place.start(*RUN)
    wait_for_calls(crowd, AN_HOUR_S)
    time.sleep(1.0)
    yield place, process
    process.kill()
    process.communicate()


def processor_seconds(process: Forked) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_cancel_ends_it_in_seconds_and_makes_no_call(
    crowd: SandboxServer, waiting_run: tuple[Workplace, Forked]
) -> None:
    place, process = waiting_run
    before = processor_seconds(process)
    time.sleep(3.0)
    spent = (processor_seconds(process) - before) / 3.0
    print(f"processor time while everybody waits: {spent:.1%}")  # noqa: T201  # shown by pytest -s

    began = time.monotonic()
    cancelled = place.prograde("cancel")
    out, err = process.communicate(timeout=SECONDS_TO_STEER)
    took = time.monotonic() - began

    print(f"cancelled in {took:.1f} s")  # noqa: T201  # shown by pytest -s
    assert (0, 5) == (cancelled.returncode, process.returncode), err
    summary = json.loads(out)
    assert ("cancelled", 300) == (summary["status"], sum(summary["by_state"].values()))
    assert AN_HOUR_S == crowd.stats().calls
    assert f"the limit of {AN_HOUR_S} calls an hour is used up" in err
    assert spent < 0.25


def test_a_pause_ends_it_in_seconds_and_nobody_is_charged(
    crowd: SandboxServer, waiting_run: tuple[Workplace, Forked]
) -> None:
    place, process = waiting_run
    began = time.monotonic()
    paused = place.prograde("pause")
    out, err = process.communicate(timeout=SECONDS_TO_STEER)
    assert (0, 4) == (paused.returncode, process.returncode), err
    assert time.monotonic() - began < SECONDS_TO_STEER
    assert 0 == json.loads(out)["by_state"].get("failed", 0)
    assert AN_HOUR_S == crowd.stats().calls
