"""A market behind the practice API, and prograde's command line in a process of its own."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from prograde.sandbox.server import SandboxServer
from tests.e2e.forked import Forked

Process = Forked | subprocess.Popen[str]

TOKEN = "sandbox"
TEMPLATE_URL = "http://127.0.0.1:8765/reso/odata"


@dataclass(frozen=True)
class Workplace:
    """A folder with a source file that points to a practice API, from which prograde is started."""

    folder: Path
    env: dict[str, str]

    @classmethod
    def make(cls, folder: Path, server: SandboxServer, *, calls_a_second: int) -> "Workplace":
        text = (files("prograde.templates") / "sandbox_reso.yaml").read_text(encoding="utf-8")
        text = text.replace(TEMPLATE_URL, server.reso_url).replace("limit: 20", f"limit: {calls_a_second}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source.yaml").write_text(text, encoding="utf-8")
        return cls(folder, {**os.environ, "SANDBOX_TOKEN": TOKEN, "PROGRADE_PACE_DIR": str(folder / "pace")})

    def start(self, *arguments: str) -> Forked:
        return Forked(arguments, self.folder, self.env)

    def prograde(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=280)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def installed(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command as it was installed: its interpreter has a hash seed of its own, and ends like any."""
        command = [str(Path(sys.executable).with_name("prograde")), *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, roster: str = "roster.csv") -> dict[str, Any]:
        """Run a batch to its end and return its summary."""
        done = self.prograde("run", "source.yaml", "--roster", roster, "--output", "json", *arguments)
        assert done.returncode == 0, done.stderr
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
