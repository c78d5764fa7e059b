"""What a run says when it does not go on by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace
from tests.e2e.test_killed_run import wait_for_calls

RUN = ("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF))


def test_a_run_that_is_stopped_says_that_nobody_works_on_it_and_how_to_go_on(
    practice_api: SandboxServer, workplace: Workplace
) -> None:
    place = Workplace.make(workplace.folder, practice_api, calls_a_second=4)
    process = place.start(*RUN)
    wait_for_calls(practice_api, 5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert 130 == process.returncode, err
    assert ": interrupted, " in out
    assert "running" not in out
    assert "To go on: prograde resume " in err
    first = next(line for line in err.splitlines() if " left, " in line)
    assert "time to go told after the first professionals are done" in first
    assert "calls/s" not in first, "it takes a while to tell"


def test_refused_credentials_are_named_wherever_the_pause_is_shown(workplace: Workplace) -> None:
    wrong = Workplace(workplace.folder, {**workplace.env, "SANDBOX_TOKEN": "expired-token", "COLUMNS": "80"})
    paused = wrong.prograde(*RUN)

    remedy = "it was asked with SANDBOX_TOKEN: set that right, then resume the batch"
    assert 4 == paused.returncode
    assert remedy in paused.stderr
    assert remedy in wrong.prograde("status").stdout, "no width cuts it"
    assert 0 == workplace.prograde("resume").returncode


def test_a_demo_that_is_stopped_does_not_name_a_resume_without_its_api(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "prograde.entrypoints.demo"],
        cwd=tmp_path,
        env={**os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    while " left, " not in said:
        said += process.stderr.readline()
        assert process.poll() is None, said
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)

    assert 130 == process.returncode, rest
    assert "make demo begins anew" in rest
    assert "resume" not in said + rest
