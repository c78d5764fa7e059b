"""A run that is killed, stopped or refused, and goes on."""

import json
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace

RUN = ("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF), "--output", "json")


def wait_for_calls(server: SandboxServer, calls: int) -> None:
    deadline = time.monotonic() + 60
    while server.stats().calls < calls:
        assert time.monotonic() < deadline, "the run makes no calls"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(practice_api: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The export digest and the calls of a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    practice_api.reset()
    place = Workplace.make(folder, practice_api, calls_a_second=2_000)
    write_roster(folder / "roster.csv", seeded_market(60, 7, AS_OF))
    # With another order of sets and hashes than all that are killed or stopped.
    out, _ = place.installed(*RUN).communicate(timeout=60)
    digest = json.loads(out)["export_digest"]
    return digest, practice_api.stats().calls


@pytest.mark.parametrize("moment", [0.02, 0.4, 0.9])
def test_a_killed_run_resumes_to_the_same_export(
    practice_api: SandboxServer, workplace: Workplace, undisturbed: tuple[str, int], moment: float
) -> None:
    digest, calls = undisturbed
    practice_api.reset()
    process = workplace.start(*RUN)
    wait_for_calls(practice_api, round(calls * moment))
    process.kill()
    process.communicate()
    resumed = workplace.prograde("resume", "--output", "json")
    assert 0 == resumed.returncode, resumed.stderr
    assert digest == json.loads(resumed.stdout)["export_digest"]
    # A killed call is the only one that is made again: at most those in flight at the kill.
    assert calls <= practice_api.stats().calls <= calls + 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_cleanly_and_says_how_to_go_on(
    practice_api: SandboxServer, workplace: Workplace, undisturbed: tuple[str, int], number: signal.Signals
) -> None:
    digest, calls = undisturbed
    practice_api.reset()
    process = workplace.installed(*RUN)
    wait_for_calls(practice_api, calls // 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    batch_id = json.loads(out)["batch_id"]
    assert f"prograde resume {batch_id} --data-dir prograde-data" in err
    resumed = workplace.prograde("resume", batch_id, "--output", "json")
    assert 0 == resumed.returncode, resumed.stderr
    assert digest == json.loads(resumed.stdout)["export_digest"]
    assert calls == practice_api.stats().calls, "a clean stop finishes what is in flight and repeats nothing"


def test_a_refused_credential_stops_the_batch_at_once_and_it_resumes(
    practice_api: SandboxServer, workplace: Workplace, undisturbed: tuple[str, int]
) -> None:
    digest, _ = undisturbed
    practice_api.reset()
    wrong = Workplace(workplace.folder, {**workplace.env, "SANDBOX_TOKEN": "wrong"})
    refused = wrong.prograde(*RUN)
    assert 4 == refused.returncode
    assert "the source refuses the credentials" in refused.stderr
    assert "prograde resume" in refused.stderr
    assert practice_api.stats().calls <= 8, "only the calls in flight were made"
    assert 4 == wrong.prograde("resume").returncode
    resumed = workplace.prograde("resume", "--output", "json")
    assert 0 == resumed.returncode, resumed.stderr
    assert digest == json.loads(resumed.stdout)["export_digest"]


def test_no_second_of_a_run_holds_more_calls_than_the_limit(practice_api: SandboxServer, workplace: Workplace) -> None:
    workplace.run("--as-of", str(AS_OF))
    sent = sorted(_sent_times(workplace.folder))
    assert practice_api.stats().calls == len(sent)
    for first, last in zip(sent, sent[100:], strict=False):
        assert last - first >= 1.0, "101 calls within a second"


def _sent_times(folder: Path) -> list[float]:
    return [
        datetime.fromisoformat(json.loads(line)["sent_at"]).timestamp()
        for segment in (folder / "prograde-data" / "warehouse" / "raw_pages").rglob("*.ndjson")
        for line in segment.read_text(encoding="utf-8").splitlines()
    ]
