"""The folder that keeps everything on one machine, and the lock that gives it to one process."""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from prograde.errors import InputError, Problem

LOCK_TRIES = 5
LOCK_WAIT_SECONDS = 0.03
LOG_BYTES_MAX = 50_000_000
_SERVING = "serving"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Where things lie below the data directory."""

    folder: Path

    @property
    def state(self) -> Path:
        """The batch store's file."""
        return self.folder / "state.db"

    @property
    def queue(self) -> Path:
        """The task queue's file."""
        return self.folder / "queue.db"

    @property
    def warehouse(self) -> Path:
        """The warehouse's folder."""
        return self.folder / "warehouse"

    @property
    def blobs(self) -> Path:
        """The blob store's folder."""
        return self.folder / "blobs"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.folder / "log.ndjson"

    @property
    def logs(self) -> tuple[Path, ...]:
        """The log files that there are, the older one first."""
        return tuple(path for path in (self._older_log, self.log) if path.is_file())

    @property
    def _older_log(self) -> Path:
        return self.folder / "log.1.ndjson"

    def turn_log(self) -> None:
        """Begin a new log file once this one is large, so that two bound what all of them take; the lock is held."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES_MAX:
                self.log.replace(self._older_log)

    @property
    def is_there(self) -> bool:
        """Whether a batch was ever started here."""
        return self.state.is_file()

    @property
    def is_taken(self) -> bool:
        """Whether a process works here now."""
        try:
            with (self.folder / "lock").open(encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def is_served(self) -> bool:
        """Whether a process works here now that takes up every batch, and not one of its own only."""
        return self.is_taken and self._told()[1:] == [_SERVING]

    @property
    def owner(self) -> str:
        """Name the process that works here now, "" for none."""
        return f"process {self._told()[0]}" if self.is_taken else ""

    def _told(self) -> list[str]:
        """Read what the process that works here says of itself."""
        with suppress(OSError):
            return (self.folder / "lock").read_text(encoding="utf-8").split() or ["unknown"]
        return ["unknown"]

    def lock(self, *, is_serving: bool = False) -> TextIO:
        """
        Take the directory, creating it if need be; closing the returned file, or dying, gives it back.

        Who `is_serving` takes up every batch. Raises InputError when it cannot be created, or another process has it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise InputError([self._problem(f"cannot be used ({error.strerror}): choose another")]) from error
        try:
            _take(file)
        except BlockingIOError:
            file.close()
            remedy = f"is in use by process {self._told()[0]}: wait for it to end, or choose another"
            raise InputError([self._problem(remedy)]) from None
        # Only told to who comes next: a full disk must not keep a run from being resumed.
        with suppress(OSError):
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"{os.getpid()} {_SERVING if is_serving else ''}".encode())
        return file

    def _problem(self, remedy: str) -> Problem:
        return Problem("--data-dir", str(self.folder), remedy)


def _take(file: TextIO) -> None:
    """Lock the file, patient for a moment with a `status` that looks whether it is locked."""
    for _ in range(LOCK_TRIES - 1):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_WAIT_SECONDS)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
