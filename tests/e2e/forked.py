"""A process forked by one that has imported everything: to start Python anew for each command costs a second."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

from prograde.entrypoints import cli

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([cli.__name__])


class Forked:
    """As much of `subprocess.Popen` as the tests use, over `prograde` with these arguments."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> None:
        self.args = ("prograde", *arguments)
        out, said = _CONTEXT.Pipe(duplex=False)
        err, complained = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
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
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still said to standard output and error, when it has ended."""
        if not self.stdout.closed:
            with ThreadPoolExecutor(2) as readers, self.stdout, self.stderr:
                reading = [readers.submit(stream.read) for stream in (self.stdout, self.stderr)]
                try:
                    self.wait(timeout)
                except subprocess.TimeoutExpired:
                    self.kill()
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
