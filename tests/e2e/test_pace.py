"""The pace of whole runs, by recorded send times and by what the practice API saw arrive."""

import gc
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace

RUN = ("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF), "--output", "json")


@pytest.fixture(autouse=True)
def no_stall_of_the_practice_api() -> Iterator[None]:
    """It runs in this process: a collection that looks through all of it lets calls wait, and so arrive together."""
    gc.disable()
    yield
    gc.enable()


def sent_times(folder: Path) -> list[datetime]:
    return sorted(
        datetime.fromisoformat(json.loads(line)["sent_at"])
        for segment in (folder / "prograde-data" / "warehouse" / "raw_pages").rglob("*.ndjson")
        for line in segment.read_text(encoding="utf-8").splitlines()
    )


def most_in(sent: list[datetime], interval: timedelta) -> int:
    """The most calls in any half-open sliding window."""
    most = first = 0
    for last, moment in enumerate(sent):
        while moment - sent[first] >= interval:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.long
@pytest.mark.parametrize(("limit", "seconds"), [(20, 60), (100, 30)])
def test_the_limit_is_never_exceeded_and_its_use_is_told(tmp_path: Path, limit: int, seconds: int) -> None:
    agents = limit * seconds // 3
    with SandboxServer(seeded_market(agents, 7, AS_OF)) as server:
        place = Workplace.make(tmp_path, server, calls_a_second=limit)
        write_roster(tmp_path / "roster.csv", seeded_market(agents, 7, AS_OF))
        done = place.prograde(*RUN)
        assert 0 == done.returncode, done.stderr
        stats = server.stats()
    sent = sent_times(tmp_path)
    span = (sent[-1] - sent[0]).total_seconds()
    utilisation = (len(sent) - 1) / span / limit
    second = timedelta(seconds=1)
    print(  # noqa: T201  # the figures of docs/performance.md
        f"\n{limit}/s: {len(sent)} calls in {span:.1f} s, utilisation {utilisation:.2%}, most in a second "
        f"{most_in(sent, second)} sent, {stats.most_in_a_second} arrived"
    )
    assert stats.calls == len(sent)
    assert span >= 0.9 * seconds
    assert most_in(sent, second) <= limit


@pytest.mark.long
def test_three_windows_at_once_hold_over_a_restart(tmp_path: Path) -> None:
    windows = {"PT1S": (30, 1), "PT4S": (80, 4), "PT10S": (150, 10)}
    market = seeded_market(120, 7, AS_OF)
    with SandboxServer(market) as server:
        place = Workplace.make(tmp_path, server, calls_a_second=30)
        source = place.folder / "source.yaml"
        limits = ", ".join(f"{{limit: {limit}, interval: {name}}}" for name, (limit, _) in windows.items())
        text = source.read_text(encoding="utf-8").replace("{limit: 30, interval: PT1S}", limits)
        source.write_text(text, encoding="utf-8")
        write_roster(tmp_path / "roster.csv", market)
        process = place.start(*RUN)
        while server.stats().calls < 100:
            assert process.poll() is None
        process.kill()
        process.communicate()
        resumed = place.prograde("resume")
        assert 0 == resumed.returncode, resumed.stderr
    sent = sent_times(tmp_path)
    for limit, seconds in windows.values():
        assert most_in(sent, timedelta(seconds=seconds)) <= limit
    print(f"\nat most {most_in(sent, timedelta(seconds=10))} of 150 in ten seconds")  # noqa: T201  # as above
