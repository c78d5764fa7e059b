"""A small seeded market that several tests share."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import Workplace

AS_OF = date(2026, 6, 30)


@pytest.fixture(scope="module")
def practice_api() -> Iterator[SandboxServer]:
    with SandboxServer(seeded_market(60, 7, AS_OF)) as server:
        yield server


@pytest.fixture
def workplace(practice_api: SandboxServer, tmp_path: Path) -> Workplace:
    """A folder with a source file and a roster of the whole market."""
    practice_api.reset()
    place = Workplace.make(tmp_path, practice_api, calls_a_second=100)
    write_roster(tmp_path / "roster.csv", seeded_market(60, 7, AS_OF))
    return place


@pytest.fixture
def unhurried(practice_api: SandboxServer, workplace: Workplace) -> Workplace:
    """A workplace whose run takes ten seconds at least, so that another process finds it running."""
    return Workplace.make(workplace.folder, practice_api, calls_a_second=20)
