"""The send times of one credential's latest calls, in a file that every process of this machine shares."""

import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prograde.adapters.local.file_blob_store import mapped_errors
from prograde.errors import CorruptionError

_MAGIC = 0x0170_6163_6572_0001
_HEADER = struct.Struct("<qqq")
_NUMBER = struct.Struct("<q")


class RateLedger:
    """
    A ring of send times, in microseconds since 1970, the newest `capacity` of them.

    Read and written under a lock that spans threads and processes. A time is written before its call leaves, so a
    process that is killed has never sent what is not recorded; what the operating system holds outlives the kill.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self._path = path
        self._turn = threading.Lock()
        with mapped_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            with self._alone():
                self._prepare(capacity)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the ledger: everything else here asks for it."""
        with self._alone():
            # Another process may have changed them since, and cannot from here on.
            self._capacity, self._count = self._sizes()
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._turn:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    @property
    def capacity(self) -> int:
        """How many calls it remembers."""
        return self._capacity

    def latest(self, back: int) -> int | None:
        """Tell when the call `back` calls ago was sent, 1 being the latest; None if there were fewer."""
        if back > min(self._count, self._capacity):
            return None
        return self._number(_HEADER.size + (self._count - back) % self._capacity * _NUMBER.size)

    def add(self, sent_at: int) -> None:
        """Record a call that is about to leave."""
        with mapped_errors():
            # The time first, then the count: cut between the two, the call has not left and is not recorded.
            os.pwrite(self._file, _NUMBER.pack(sent_at), _HEADER.size + self._count % self._capacity * _NUMBER.size)
            os.pwrite(self._file, _HEADER.pack(_MAGIC, self._capacity, self._count + 1), 0)
        self._count += 1

    def move(self, back: int) -> None:
        """Shift every time back: the clock was set back, and the distances must stay as they were."""
        times = [sent_at - back for sent_at in self._times(self._capacity, self._count)]
        self._write(self._capacity, times)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _prepare(self, capacity: int) -> None:
        """Make an empty ledger, or room in one that was made for smaller limits."""
        if os.fstat(self._file).st_size == 0:
            self._write(capacity, [])
        kept, count = self._sizes()
        if kept < capacity:
            self._write(capacity, self._times(kept, count))

    def _times(self, capacity: int, count: int) -> list[int]:
        """List the times, oldest first."""
        ring = os.pread(self._file, capacity * _NUMBER.size, _HEADER.size)
        numbers = [number for (number,) in _NUMBER.iter_unpack(ring)]
        return numbers[:count] if count <= capacity else numbers[count % capacity :] + numbers[: count % capacity]

    def _write(self, capacity: int, times: list[int]) -> None:
        with mapped_errors():
            os.ftruncate(self._file, _HEADER.size + capacity * _NUMBER.size)
            os.pwrite(self._file, b"".join(_NUMBER.pack(time) for time in times), _HEADER.size)
            os.pwrite(self._file, _HEADER.pack(_MAGIC, capacity, len(times)), 0)
        self._capacity, self._count = capacity, len(times)

    def _sizes(self) -> tuple[int, int]:
        """Read capacity and count."""
        header = os.pread(self._file, _HEADER.size, 0)
        magic, capacity, count = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, 0, 0)
        if magic != _MAGIC or capacity < 1:
            raise CorruptionError(f"{self._path} is no rate ledger: delete it once no window holds recent calls")
        return capacity, count

    def _number(self, offset: int) -> int:
        (number,) = _NUMBER.unpack(os.pread(self._file, _NUMBER.size, offset))
        return int(number)
