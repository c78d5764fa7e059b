"""Outages, pausing, cancelling and dead letters, with prograde in processes of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prograde.sandbox.fault_profiles import Outage
from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace, read_csv
from tests.e2e.test_killed_run import RUN, wait_for_calls

MARKET = seeded_market(60, 7, AS_OF)


@contextmanager
def market_with(outage: Outage, folder: Path) -> Iterator[tuple[SandboxServer, Workplace]]:
    with SandboxServer(MARKET, faults=(outage,)) as server:
        place = Workplace.make(folder, server, calls_a_second=100)
        write_roster(folder / "roster.csv", MARKET)
        yield server, place


@pytest.fixture(scope="module")
def undisturbed(practice_api: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the summary of a run that nothing disturbs."""
    practice_api.reset()
    place = Workplace.make(tmp_path_factory.mktemp("undisturbed"), practice_api, calls_a_second=2_000)
    write_roster(place.folder / "roster.csv", MARKET)
    return place.run("--as-of", str(AS_OF))


@pytest.mark.parametrize(
    "seconds", [pytest.param(6, id="six seconds"), pytest.param(60, id="a minute", marks=pytest.mark.long)]
)
def test_an_outage_shorter_than_the_patience_fails_nobody(
    undisturbed: dict[str, Any], tmp_path: Path, seconds: int
) -> None:
    with market_with(Outage(0.5, 0.5 + seconds), tmp_path) as (server, place):
        done = place.prograde(*RUN)
        stats = server.stats()

    assert 0 == done.returncode, done.stderr
    summary = json.loads(done.stdout)
    assert (undisturbed["export_digest"], {"done": 60}) == (summary["export_digest"], summary["by_state"])
    failed = sum(stats.faults.values())
    # Each of the roster may fail before it is plain that everybody does; then only one asks.
    assert 3 <= failed <= 60 * 5 + seconds, f"{failed} calls failed in an outage of {seconds} s"
    print(f"an outage of {seconds} s: {failed} calls in vain, nobody failed, {stats.calls} calls in all")  # noqa: T201  # for make test-long


def test_after_a_longer_outage_the_dead_letters_are_replayed(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    with market_with(Outage(0.5, 3_000), tmp_path) as (server, place):
        given_up = place.prograde(*RUN, "--set", "outage_patience_minutes=0")
        first = json.loads(given_up.stdout)
        assert (5, "incomplete") == (given_up.returncode, first["status"])
        assert "the source answered nobody since" in given_up.stderr
        letters = json.loads(place.prograde("dead-letters", "list", "--output", "json").stdout)
        assert {("source_outage", "source_outage")} == {(each["cause"], each["stop_reason"]) for each in letters}
        assert first["by_state"]["failed"] == len(letters)
        left = place.folder / first["export"]
        before = {file.name: file.read_bytes() for file in left.iterdir()}
        batch_id = first["batch_id"]
        assert letters[0]["professional_id"] in place.prograde("dead-letters", "list").stdout
        shown = place.prograde("dead-letters", "show", batch_id, letters[0]["professional_id"]).stdout
        assert "stopped by source_outage" in shown
    # The same API, well again.
    with SandboxServer(MARKET, port=int(server.base_url.rsplit(":", 1)[1])):
        replayed = place.prograde("dead-letters", "replay", batch_id, "--all", "--output", "json")
    assert 0 == replayed.returncode, replayed.stderr
    second = json.loads(replayed.stdout)
    assert (undisturbed["export_digest"], 2) == (second["export_digest"], second["grading_run"])
    assert before == {file.name: file.read_bytes() for file in left.iterdir()}, "the old export stays as it was"
    assert "no dead letters" in place.prograde("dead-letters", "list").stdout


def test_discarded_dead_letters_are_listed_no_more(tmp_path: Path) -> None:
    with market_with(Outage(0.5, 3_000), tmp_path) as (_, place):
        batch_id = json.loads(place.prograde(*RUN, "--set", "outage_patience_minutes=0").stdout)["batch_id"]
    discarded = place.prograde("dead-letters", "discard", batch_id, "--cause", "source_outage")
    assert 0 == discarded.returncode, discarded.stderr
    assert "no dead letters" in place.prograde("dead-letters", "list", batch_id).stdout
    assert "incomplete" in place.prograde("status", batch_id).stdout


def test_a_run_is_paused_and_resumed_from_elsewhere(
    practice_api: SandboxServer, unhurried: Workplace, undisturbed: dict[str, Any]
) -> None:
    process = unhurried.start(*RUN)
    wait_for_calls(practice_api, 10)
    paused = unhurried.prograde("pause", "--reason", "the phone rang", "--output", "json")
    assert (0, "paused") == (paused.returncode, json.loads(paused.stdout)["status"])
    assert "is paused: the phone rang" in unhurried.prograde("pause").stderr, "no reason replaces none"
    paused = unhurried.prograde("pause", "--reason", "the phone rang twice", "--output", "json")
    assert "the phone rang twice" == json.loads(paused.stdout)["reason"]
    _, err = process.communicate(timeout=30)
    assert 4 == process.returncode
    assert "is paused: the phone rang" in err
    calls = practice_api.stats().calls
    resumed = unhurried.prograde("resume", "--output", "json")
    assert undisturbed["export_digest"] == json.loads(resumed.stdout)["export_digest"]
    assert calls < practice_api.stats().calls, "it was paused before its end"


def test_a_run_is_cancelled_from_elsewhere_and_exports_what_there_is(
    practice_api: SandboxServer, unhurried: Workplace
) -> None:
    process = unhurried.start(*RUN)
    wait_for_calls(practice_api, 10)
    cancelled = unhurried.prograde("cancel")
    assert 0 == cancelled.returncode, cancelled.stderr
    out, err = process.communicate(timeout=30)
    assert 5 == process.returncode, err
    check_partial_export(unhurried, json.loads(out))


def test_beside_a_run_of_another_batch_nobody_resumes_or_replays(tmp_path: Path) -> None:
    """Who runs one batch ends with it, and would leave the other to nobody."""
    with SandboxServer(MARKET) as server:
        place = Workplace.make(tmp_path, server, calls_a_second=5)
        write_roster(place.folder / "roster.csv", MARKET)
        (place.folder / "few.csv").write_text("professional_id\nnobody-here\n", encoding="utf-8")
        few = ("run", "source.yaml", "--roster", "few.csv", "--as-of", str(AS_OF), "--output", "json")
        over = json.loads(place.prograde(*few).stdout)["batch_id"]
        first = place.start(*RUN)
        wait_for_calls(server, 5)
        paused = json.loads(place.prograde("pause", "--output", "json").stdout)["batch_id"]
        first.communicate(timeout=30)
        other = place.start("run", "source.yaml", "--roster", "roster.csv", "--output", "json")
        wait_for_calls(server, server.stats().calls + 3)
        refused = [
            place.prograde("resume", paused),
            place.prograde("dead-letters", "replay", over, "--all"),
        ]
        other.kill()
        other.communicate()

    for done in refused:
        assert 2 == done.returncode, done.stdout
        assert "is in use by process" in done.stderr


def test_an_interrupted_batch_is_cancelled_by_who_asks_for_it(
    practice_api: SandboxServer, unhurried: Workplace
) -> None:
    process = unhurried.start(*RUN)
    wait_for_calls(practice_api, 10)
    process.kill()
    process.communicate()
    calls = practice_api.stats().calls
    cancelled = unhurried.prograde("cancel", "--output", "json")
    assert 5 == cancelled.returncode, cancelled.stderr
    check_partial_export(unhurried, json.loads(cancelled.stdout))
    assert calls == practice_api.stats().calls, "cancelling makes no call"
    again = unhurried.prograde("cancel", json.loads(cancelled.stdout)["batch_id"])
    assert (5, True) == (again.returncode, "was cancelled already" in again.stderr)


def check_partial_export(place: Workplace, summary: dict[str, Any]) -> None:
    assert "cancelled" == summary["status"]
    states = summary["by_state"]
    assert 60 == sum(states.values())
    assert states["cancelled"] > 0
    export = place.folder / summary["export"]
    assert json.loads((export / "manifest.json").read_text(encoding="utf-8"))["is_cancelled"] is True
    outcomes = [row["outcome"] for row in read_csv(export / "ungraded.csv")]
    assert states["cancelled"] == outcomes.count("cancelled")
