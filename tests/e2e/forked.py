"""The command line in a process of its own, forked by one that has imported it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

from prograde.entrypoints import cli
from tests.forkserver import FORKSERVER


class Forked:
    """As much of `subprocess.Popen` as the tests use, over `prograde` with these arguments."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> None:
        self.args = ("prograde", *arguments)
        out, said = FORKSERVER.Pipe(duplex=False)
        err, complained = FORKSERVER.Pipe(duplex=False)
        self._process = FORKSERVER.Process(
            target=_work, args=(self.args, folder, dict(env), said, complained), daemon=True
        )
        self._process.start()
        said.close()
        complained.close()
        self.stdout, self.stderr = _text(out), _text(err)
        self._said = "", ""

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int:
        assert self._process.exitcode is not None
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        # Its server may bury it a moment before we hear of it.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still said to standard output and error, when it has ended; killed if it has not in time."""
        if not self.stdout.closed:
            with ThreadPoolExecutor(2) as readers, self.stdout, self.stderr:
                reading = [readers.submit(stream.read) for stream in (self.stdout, self.stderr)]
                try:
                    self.wait(timeout)
                except BaseException as error:
                    # Or its readers would wait for ever.
                    self.kill()
                    for each in reading:
                        error.add_note(each.result())
                    raise
                out, err = (each.result() for each in reading)
            self._said = out, err
        return self._said


def _text(end: Connection) -> TextIO:
    stream = os.fdopen(os.dup(end.fileno()), encoding="utf-8")
    end.close()
    return stream


def _work(args: tuple[str, ...], folder: Path, env: dict[str, str], said: Connection, complained: Connection) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(said.fileno(), sys.stdout.fileno())
    os.dup2(complained.fileno(), sys.stderr.fileno())
    said.close()
    complained.close()
    sys.argv = list(args)
    cli.main()
