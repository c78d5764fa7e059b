import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.local.segmented_log import SegmentedLog, cut_torn_line, lines_with

# Files may grow to 40 bytes and then to 400: the write that crosses the limit is cut short, like one on a full disk.
FULL_DISK = """
import json, resource, signal, sys
from pathlib import Path
from prograde.adapters.local.segmented_log import SegmentedLog
from prograde.errors import UnavailableError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = SegmentedLog(Path(sys.argv[1]))
acknowledged = []
for number in range(12):
    small = 4 <= number < 8
    resource.setrlimit(resource.RLIMIT_FSIZE, (40 if small else 400, resource.RLIM_INFINITY))
    line = f"line {number} " + "x" * (50 if small else 8)
    try:
        log.append(line.encode())
        acknowledged.append(line)
    except UnavailableError:
        pass
print(json.dumps(acknowledged))
"""
WRITING = """
import os, sys
from pathlib import Path
from prograde.adapters.local.segmented_log import SegmentedLog

log = SegmentedLog(Path(sys.argv[1]))
os.write(log._begin_segment(), b"from")
print("half a line is written", flush=True)
sys.stdin.readline()
os.write(log._descriptor, b" there\\n")
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from prograde.adapters.local.segmented_log import SegmentedLog

log = SegmentedLog(Path(sys.argv[1]))
log.append(b"acknowledged")
os.write(log._descriptor, b"torn in the midd")
os.kill(os.getpid(), signal.SIGKILL)
"""


def lines(folder: Path) -> list[str]:
    """Read what a query sees: the whole lines of all segments."""
    return [
        line.decode().removesuffix("\n")
        for segment in sorted(folder.glob("*.ndjson"))
        for line in segment.read_bytes().splitlines(keepends=True)
        if line.endswith(b"\n")
    ]


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_lines_are_kept_in_their_order(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path / "log")
    for number in range(5):
        log.append(f"line {number}".encode())

    assert [f"line {number}" for number in range(5)] == lines(tmp_path / "log")


def test_a_line_of_many_megabytes_is_kept(tmp_path: Path) -> None:
    line = "x" * 20_000_000

    SegmentedLog(tmp_path).append(line.encode())

    assert [line] == lines(tmp_path)


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path, segment_bytes_max=100)
    for number in range(25):
        log.append(f"{number:09}".encode())

    assert ["000001.ndjson", "000002.ndjson", "000003.ndjson"] == sorted(path.name for path in tmp_path.iterdir())
    assert [f"{number:09}" for number in range(25)] == lines(tmp_path)


def test_a_log_that_was_closed_goes_on_in_another_segment(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path)
    log.append(b"before")
    log.close()
    log.close()
    log.append(b"after")

    assert ["before", "after"] == lines(tmp_path)
    assert 2 == len(list(tmp_path.iterdir()))


def test_lines_that_come_at_once_are_all_kept_whole(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path, segment_bytes_max=2_000)
    written = [f"line {number:03} {'x' * number}" for number in range(200)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(log.append, [line.encode() for line in written]))

    assert written == sorted(lines(tmp_path))


def test_the_torn_line_of_a_killed_writer_is_cut_off(tmp_path: Path) -> None:
    assert -9 == run(KILLED, tmp_path).returncode
    assert b"torn" in (tmp_path / "000001.ndjson").read_bytes()

    SegmentedLog(tmp_path).append(b"next")

    assert b"acknowledged\n" == (tmp_path / "000001.ndjson").read_bytes()
    assert b"next\n" == (tmp_path / "000002.ndjson").read_bytes()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"whole\n", b"whole\n"),
        (b"torn", b""),
        (b"whole\ntorn", b"whole\n"),
        (b"whole\n" + b"x" * 3_000_000, b"whole\n"),
        (b"x" * 3_000_000, b""),
        (b"whole\n" + bytes(3_000_000), b"whole\n"),
    ],
    ids=["empty", "whole", "only torn", "torn", "torn over megabytes", "one torn line of megabytes", "zeros ahead"],
)
def test_cutting_keeps_the_whole_lines(tmp_path: Path, content: bytes, kept: bytes) -> None:
    segment = tmp_path / "000001.ndjson"
    segment.write_bytes(content)

    with segment.open("r+b") as file:
        cut_torn_line(file)

    assert kept == segment.read_bytes()


def test_a_failed_write_closes_the_segment_and_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    finished = run(FULL_DISK, tmp_path)

    assert 0 == finished.returncode, finished.stderr
    acknowledged = json.loads(finished.stdout)
    assert [0, 1, 2, 3, 8, 9, 10, 11] == [int(line.split()[1]) for line in acknowledged]
    assert acknowledged == lines(tmp_path)
    assert b"".join(f"{line}\n".encode() for line in acknowledged[:4]) == (tmp_path / "000001.ndjson").read_bytes()


def test_a_group_that_breaks_half_way_leaves_nothing_behind_and_is_written_alone(tmp_path: Path) -> None:
    class Unwritable(bytes):
        def __add__(self, _: object) -> bytes:
            raise MemoryError

    log = SegmentedLog(tmp_path)
    acknowledged: list[str] = []

    def append(line: bytes) -> None:
        with suppress(MemoryError):
            log.append(line)
            acknowledged.append(line.decode())

    def append_all() -> None:
        for line in (b"one", b"two", Unwritable(b"three"), b"four"):
            green.submit(append, line)

    with GreenThreads("pages") as green:
        green.submit(append_all)
    log.close()

    assert ["one", "two", "four"] == acknowledged == lines(tmp_path)


def test_a_disk_that_stays_full_leaves_one_segment_not_one_for_each_try(tmp_path: Path) -> None:
    run(FULL_DISK, tmp_path)

    # One from before, one from after.
    assert 2 == len(list(tmp_path.iterdir()))


def test_a_segment_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    writing = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writing.stdout is not None
    assert "half a line is written\n" == writing.stdout.readline()

    log = SegmentedLog(tmp_path)
    log.append(b"from here")
    log.close()
    writing.communicate("go on\n", timeout=30)

    assert {"000001.ndjson": b"from there\n", "000002.ndjson": b"from here\n"} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }


def test_processes_that_append_at_once_lose_no_line(tmp_path: Path) -> None:
    def append(number: int) -> None:
        log = SegmentedLog(tmp_path, segment_bytes_max=1)
        for line in range(20):
            log.append(f"{number}-{line}".encode())
        log.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(append, range(4)))

    lines = {line for file in tmp_path.iterdir() for line in file.read_text(encoding="utf-8").splitlines()}
    assert {f"{number}-{line}" for number in range(4) for line in range(20)} == lines


def test_lines_are_found_by_a_part_of_them_in_every_segment_and_over_the_blocks_that_are_read(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path, segment_bytes_max=10 * 1024 * 1024)
    padding = b"x" * 1_500_000
    lines = [b'{"who":"A%d","pad":"%b"}' % (number % 3, padding) for number in range(12)]
    for line in lines:
        log.append(line)
    log.close()
    with max(tmp_path.glob("*.ndjson")).open("ab") as file:
        file.write(b'{"who":"A1","torn')

    assert [line + b"\n" for line in lines[1::3]] == list(lines_with(tmp_path, b'"who":"A1"'))
    assert [] == list(lines_with(tmp_path, b'"who":"A9"'))
    assert [] == list(lines_with(tmp_path / "nowhere", b'"who":"A1"'))
