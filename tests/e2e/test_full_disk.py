"""A data directory on a disk that is full: the run stops and says so, and goes on once there is room."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few hundred kilobytes, which only root on Linux can make."""
    if os.geteuid() != 0:
        pytest.fail("a small disk is a tmpfs that root mounts: run this test as root, in a container for instance")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.long
def test_a_run_on_a_full_disk_stops_and_goes_on_when_there_is_room(
    practice_api: SandboxServer, workplace: Workplace, small_disk: Path
) -> None:
    digest = workplace.run("--as-of", str(AS_OF))["export_digest"]
    arguments = ("--data-dir", str(small_disk / "data"), "--output", "json")
    stopped = workplace.prograde("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF), *arguments)
    assert 1 == stopped.returncode, stopped.stderr
    assert "full" in stopped.stderr or "No space left" in stopped.stderr
    assert "prograde resume" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    still = workplace.prograde("resume", *arguments)
    assert 1 == still.returncode, still.stderr
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    resumed = workplace.prograde("resume", *arguments)
    assert 0 == resumed.returncode, resumed.stderr
    assert digest == json.loads(resumed.stdout)["export_digest"]
    assert 0 < practice_api.stats().calls
