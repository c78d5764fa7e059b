"""Every line of docs/api.md runs as it stands, and every operation of the API has one."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from prograde.entrypoints.web.openapi import described
from prograde.settings import WEBHOOK_SECRET
from tests.house.checkout import ROOT
from tests.web.service import EVERYBODY, WAITING, Service

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh(?: webhook)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]
CURLRC = 'silent\nshow-error\nfail-with-body\nwrite-out = "%{stderr}%{method} %{response_code}\\n"\n'


def ran(block: str, folder: Path, env: dict[str, str]) -> list[str]:
    """Run a block as a shell does; give the method, status and URL of each curl."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder,
        env={**os.environ, **env, "CURL_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stderr.splitlines()


def operation_of(line: str) -> str:
    """Name the operation that a curl of the page calls."""
    found = re.search(r"\$URL(/[^\s\"?]*)", line)
    assert found
    path = re.sub(r"\$(BATCH|RUNNING|FAILED)", "{batch_id}", found[1])
    path = re.sub(r"/(professionals|dead-letters)/A\d+$", r"/\1/{professional_id}", path)
    path = path.replace("/exports/1/graded.csv", "/exports/{run}/{name}")
    is_post = "-X POST" in line or "--data " in line or " -F " in line
    return f"{'post' if is_post else 'get'} {path}"


def test_every_operation_has_a_line() -> None:
    operations = {f"{method} {path}" for path, methods in described()["paths"].items() for method in methods}
    assert operations == {operation_of(line) for line in LINES}


def test_every_line_is_answered_well(
    service: Service, finished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "whsec_" + "QUJD" * 11
    monkeypatch.setenv(WEBHOOK_SECRET, secret)
    (tmp_path / ".curlrc").write_text(CURLRC, encoding="utf-8")
    (tmp_path / "roster.csv").write_text("professional_id\nA000001\nA000002\n", encoding="utf-8")
    assert {"A000001", "A000002", "A000003"} <= set(EVERYBODY)
    running = service.ordered([*WAITING, *(f"more-{number}" for number in range(1_000))])
    env = {
        "URL": service.url,
        "SOURCE": "source",
        "BATCH": finished,
        "RUNNING": running,
        "FAILED": service.with_dead_letters(["A000003", "A000004"]),
        WEBHOOK_SECRET: secret,
    }

    answers = [answer for block in BLOCKS for answer in ran(block, tmp_path, env)]

    assert len(LINES) == len(answers)
    assert {"200", "202"} == {answer.split(" ")[1] for answer in answers}
    assert (tmp_path / "graded.csv").read_text(encoding="utf-8").startswith("rank,grade,")
