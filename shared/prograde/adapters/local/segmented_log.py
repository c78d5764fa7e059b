"""An append-only NDJSON log in segments: a line is durable when `append` returns, a torn one is never read."""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from prograde.adapters.local.file_blob_store import make_folder, mapped_errors, sync_folder
from prograde.adapters.local.group_commit import GroupCommit

SEGMENT_BYTES_MAX = 128 * 1024 * 1024
_TAIL_BYTES = 1024 * 1024
_SEARCHED_BYTES = 4 * 1024 * 1024
# Syncs the lines and the size that it takes to read them again, but not the time of the change: a quarter cheaper.
_sync = getattr(os, "fdatasync", os.fsync)


class SegmentedLog:
    """
    The lines of one folder's `NNNNNN.ndjson` files; several processes may append, each to a segment of its own.

    A process that dies while writing leaves a torn last line; what it described was never committed, so the next
    process cuts it off. After a failed write the segment is closed and a new one begun. A segment is locked by the
    process that writes it.
    """

    def __init__(self, folder: Path, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self._folder = folder
        self._segment_bytes_max = segment_bytes_max
        self._turn = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._lines = GroupCommit(self._append)

    def append(self, line: bytes) -> None:
        """Write one line (without its line feed); durable on return, raises UnavailableError if it is not."""
        assert b"\n" not in line
        self._lines.write(line)

    def _append(self, lines: Sequence[bytes]) -> Sequence[None]:
        with self._turn, mapped_errors():
            try:
                descriptor = self._descriptor
                if descriptor is None or self._size >= self._segment_bytes_max:
                    descriptor = self._begin_segment()
                for line in lines:
                    _write(descriptor, line + b"\n")
                _sync(descriptor)
                self._size += sum(map(len, lines)) + len(lines)
            except BaseException:
                # Nothing of it may stay: what was written is cut off with the segment.
                self._end_segment()
                raise
        return [None] * len(lines)

    def close(self) -> None:
        """Close the segment; the next append begins another."""
        with self._turn, mapped_errors():
            self._end_segment()

    def _begin_segment(self) -> int:
        self._end_segment()
        make_folder(self._folder)
        segments = sorted(self._folder.glob("*.ndjson"))
        for segment in segments[-1:]:
            _mend(segment)
        number = int(segments[-1].stem) + 1 if segments else 1
        self._descriptor, self._size = self._created(number), 0
        sync_folder(self._folder)
        return self._descriptor

    def _created(self, number: int) -> int:
        """Create and lock the segment of this number, or of the next one that no other process has taken."""
        while True:
            path = self._folder / f"{number:06}.ndjson"
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                number += 1
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another process may have taken it for an empty one left behind, right before it was locked.
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)

    def _end_segment(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.ftruncate(descriptor, self._size)
            finally:
                os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _mend(segment: Path) -> None:
    """Cut off a torn line, unless another process still writes here; an empty segment is removed."""
    try:
        file = segment.open("r+b")
    except FileNotFoundError:
        return  # It was empty, and another process has just removed it.
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        cut_torn_line(file)
        # A disk that stays full leaves one empty segment, not one for each try. Only who holds a segment's lock removes
        # it: one that still has its name is the one of this name.
        status = os.fstat(file.fileno())
        if status.st_size == 0 and status.st_nlink:
            segment.unlink()


def cut_torn_line(file: BinaryIO) -> None:
    """Cut off what follows the last line feed of a file that is open to be read and written."""
    end = file.seek(0, os.SEEK_END)
    begin = _line_begin(file, end)
    if begin < end:
        file.truncate(begin)


def _line_begin(file: BinaryIO, position: int) -> int:
    """Tell where the line begins that a position is in: behind the last line feed before it."""
    while position > 0:
        start = max(0, position - _TAIL_BYTES)
        file.seek(start)
        line_feed = file.read(position - start).rfind(b"\n")
        if line_feed >= 0:
            return start + line_feed + 1
        position = start
    return 0


def lines_with(folder: Path, part: bytes) -> Iterator[bytes]:
    """
    Find the whole lines of a folder's segments that hold `part`, in their order.

    The bytes are searched as they lie there, which is several times as quick as to read them as JSON.
    """
    with mapped_errors():
        for segment in sorted(folder.glob("*.ndjson")):
            with segment.open("rb", buffering=0) as searched, segment.open("rb") as read:
                end = 0
                for position in _positions(searched, part):
                    if position < end:
                        continue  # the same line holds it again
                    read.seek(_line_begin(read, position))
                    line = read.readline()
                    end = read.tell()
                    if line.endswith(b"\n"):
                        yield line


def _positions(file: RawIOBase, part: bytes) -> Iterator[int]:
    """Tell where a file holds `part`; the end of each block is looked at again, for what lies across two."""
    kept = len(part) - 1
    block = bytearray(kept + _SEARCHED_BYTES)
    view = memoryview(block)
    begin = -kept  # in the file, of the block
    while count := file.readinto(view[kept:]):
        end = kept + count
        found = block.find(part, max(0, -begin), end)
        while found >= 0:
            yield begin + found
            found = block.find(part, found + 1, end)
        view[:kept] = view[end - kept : end]
        begin += count
