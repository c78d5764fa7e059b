"""The BigQuery emulator, a process of its own in an environment of its own."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.house.checkout import ROOT

FOLDER = ROOT / "build" / "bqemulator"
STARTED_WITHIN_SECONDS = 90.0


class BigqueryServer:
    """Datasets in memory, served as long as the context lasts."""

    def __init__(self, log: Path) -> None:
        program = FOLDER / "bin" / "bqemulator"
        if not program.exists():
            raise AssertionError(f"there is no {program.relative_to(ROOT)}: run make test-gcp, which installs it")
        ports = [_free_port(), _free_port()]
        self.url = f"http://127.0.0.1:{ports[0]}"
        self._log = log
        self._command = [str(program), "start", "--rest-port", str(ports[0]), "--grpc-port", str(ports[1])]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            env = {**os.environ, "HOME": str(FOLDER / "home")}
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT, env=env)
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(f"the BigQuery emulator did not start: {self._log.read_text()[-2_000:]}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/bigquery/v2/projects/p/datasets", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        return int(unbound.getsockname()[1])
