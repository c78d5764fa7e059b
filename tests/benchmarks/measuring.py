"""What one process costs from its start to its end, as the operating system counts it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
_SHOWN_OUTPUT_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU is user and system time together; waits are changes of thread that it asked for; the peak is resident."""

    cpu_seconds: float
    waits: int
    wall_seconds: float
    peak_bytes: int


def measure(command: Sequence[str], folder: Path, env: Mapping[str, str], seconds_max: float) -> Usage:
    """
    Run a command to its end in `folder`; raises RuntimeError, with the end of its output, if it fails or takes longer.

    On Linux the peak is never below this process's own, which the child has for a moment before it becomes the
    command: measure from a process that has imported next to nothing.
    """
    output = folder / "output.txt"
    with output.open("wb") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        timer = threading.Timer(seconds_max, _kill, (process.pid,))
        timer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        wall_seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        end = output.read_text(encoding="utf-8", errors="replace")[-_SHOWN_OUTPUT_CHARACTERS:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode} after {wall_seconds:.0f} s:\n{end}")
    return Usage(used.ru_utime + used.ru_stime, used.ru_nvcsw, wall_seconds, used.ru_maxrss * _PEAK_UNIT_BYTES)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, SIGKILL)
