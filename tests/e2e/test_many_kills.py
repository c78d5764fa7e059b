"""
A batch whose process is killed again and again, at random moments.

It ends with the same export, and no call is repeated but those in flight. The long test kills it a hundred times.
"""

import json
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.forked import Forked
from tests.e2e.machine import Workplace

CONCURRENCY = 8
"""The source file's default: as many calls may be in flight."""


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.long)])
def test_killed_again_and_again_it_ends_with_the_same_export(tmp_path: Path, kills: int) -> None:
    dice = random.Random(kills)
    market = seeded_market(5 * kills + 30, 7, AS_OF)
    with SandboxServer(market) as server:
        calm = Workplace.make(tmp_path / "calm", server, calls_a_second=2_000)
        write_roster(calm.folder / "roster.csv", market)
        digest = calm.run("--as-of", str(AS_OF))["export_digest"]
        calls = server.stats().calls
        assert 0 == calls_in_vain(calm)

        server.reset()
        place = Workplace.make(tmp_path / "killed", server, calls_a_second=100)
        write_roster(place.folder / "roster.csv", market)
        run = ("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF), "--output", "json")
        process = place.start(*run)
        lost: list[int] = []
        for left in reversed(range(kills)):
            wait_a_while(process, server, dice)
            process.kill()
            process.communicate()
            # A request that left before the kill may still be on its way; the next kill finds it, but for the last.
            time.sleep(0.05 if left else 1.0)
            if is_over(place):
                break
            lost.append(server.stats().calls - recorded_calls(place) - sum(lost))
            is_begun = bool(documents(place, "batches"))
            process = place.start("resume", "--output", "json") if is_begun else place.start(*run)
        out, err = process.communicate(timeout=240)
        assert 0 == process.returncode, err
        assert digest == json.loads(out)["export_digest"]
        assert calls + calls_in_vain(place) + sum(lost) == server.stats().calls
    print(f"\n{len(lost)} kills, {sum(lost)} calls repeated, at most {max(lost)} at one kill")  # noqa: T201
    assert kills == len(lost), "the batch ended before it was killed often enough"
    assert all(0 <= count <= CONCURRENCY for count in lost)


def wait_a_while(process: Forked, server: SandboxServer, dice: random.Random) -> None:
    """Mostly until some more calls were made, sometimes only into the start."""
    until = time.monotonic() + (dice.uniform(0, 0.3) if dice.random() < 0.2 else 20)
    calls = server.stats().calls + dice.randint(1, 8)
    while time.monotonic() < until and server.stats().calls < calls and process.poll() is None:
        time.sleep(0.002)
    time.sleep(dice.uniform(0, 0.02))


def documents(place: Workplace, table: str) -> list[dict[str, Any]]:
    state = place.folder / "prograde-data" / "state.db"
    if not state.exists():
        return []
    with sqlite3.connect(state) as connection:
        try:
            return [json.loads(row[0]) for row in connection.execute(f"SELECT document FROM {table}")]
        except sqlite3.OperationalError:
            return []
        finally:
            connection.commit()


def recorded_calls(place: Workplace) -> int:
    """The calls whose answer was counted: all but those that were in flight at some kill."""
    return sum(document["calls"] for document in documents(place, "professionals"))


def calls_in_vain(place: Workplace) -> int:
    """
    The calls that were counted and brought no page.

    On a busy machine one may run out of time, and a page that was in hand at three kills in a row is taken for one
    that kills its handler: somebody else's is asked for, to learn whose fault that is.
    """
    return recorded_calls(place) - sum(len(each["ledger"]) for each in documents(place, "professionals"))


def is_over(place: Workplace) -> bool:
    return any(document["status"] == "complete" for document in documents(place, "batches"))
