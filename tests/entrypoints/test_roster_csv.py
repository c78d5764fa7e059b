import io
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256

import pytest
from typing_extensions import override

from prograde.adapters.roster_csv import clean_roster
from prograde.errors import InputError


def cleaned(content: bytes) -> tuple[list[str], tuple[str, ...]]:
    with clean_roster(io.BytesIO(content)) as roster:
        text = roster.lines.read()
    ids = text.decode().splitlines()
    assert len(ids) == roster.professionals
    assert sha256(text).hexdigest() == roster.sha256
    return ids, roster.notes


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"professional_id\nA1\nA2\n", ["A1", "A2"]),
        (b"\xef\xbb\xbfprofessional_id\r\nA1\r\nA2", ["A1", "A2"]),
        (b'name,professional_id\n"Ann, the first",A1\n', ["A1"]),
        (b"name;PROFESSIONAL_ID\nAnn;A1\n", ["A1"]),
        (b"name\t Professional_Id \nAnn\tA1\n", ["A1"]),
        (b'"professional_id"\n"A ""1"""\n', ['A "1"']),
        (b"professional_id\n  A1  \n", ["A1"]),
        ("professional_id\nÅ1\n山\n".encode(), ["Å1", "山"]),
        (b'note,professional_id\n"two\nlines",A1\nx,A2\n', ["A1", "A2"]),
        (b"professional_id,note\nA1\nA2,x,y\n", ["A1", "A2"]),
    ],
)
def test_a_roster_is_read_as_spreadsheets_write_it(content: bytes, ids: list[str]) -> None:
    assert (ids, ()) == cleaned(content)


def test_duplicates_and_blank_lines_are_passed_over_and_told_by_line() -> None:
    ids, notes = cleaned(b"professional_id,name\nA1,x\n\nA1,y\n,\nA2,z\nA2,z\n")
    assert ["A1", "A2"] == ids
    assert (
        "2 line(s) (4, 7) repeated an earlier professional: each is graded once",
        "2 line(s) (3, 5) were blank",
    ) == notes


def test_a_line_number_is_that_of_the_editor_when_a_cell_spans_lines() -> None:
    with pytest.raises(InputError, match="roster line 5"):
        cleaned(b'note,professional_id\n"two\nlines",A1\nx,A2\ny,\n')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"professional_id\n" + b"x" * 256 + b"\n", "at most 255"),
        (b"professional_id\nA\x00B\n", "printable"),
        (b"id\nA1\n", "column professional_id"),
        ("professional_id\nÅ1\n".encode("utf-16"), "column professional_id|UTF-8"),
        ("professional_id\nÅ1\n".encode("latin-1"), "UTF-8"),
        (b"professional_id\n\n\n", "at least one"),
    ],
)
def test_what_is_no_roster_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        cleaned(content)


@pytest.mark.parametrize("rows", [1, 5_000])
def test_bytes_that_are_no_text_are_shown_with_their_line(rows: int) -> None:
    with pytest.raises(InputError) as caught:
        cleaned(b"professional_id\n" + b"".join(b"A%d\n" % row for row in range(rows)) + b"B\xe9a\nC\n")

    (problem,) = caught.value.problems
    assert ("roster", "bytes E9 61 0A 43") == (problem.field, problem.value)
    assert problem.remedy.startswith(f"is no UTF-8 text, near line {rows + 2}: ")


def test_many_bad_lines_are_counted_and_the_first_are_named() -> None:
    with pytest.raises(InputError) as caught:
        cleaned(b"professional_id,name\n" + b",x\n" * 500)
    assert 21 == len(caught.value.problems)
    assert "480 more lines" in str(caught.value)


class Endless(io.RawIOBase):
    """A roster that is made as it is read."""

    def __init__(self, rows: int) -> None:
        self._lines = self._made(rows)
        self._rest = b"professional_id,name\n"

    @staticmethod
    def _made(rows: int) -> Iterator[bytes]:
        for start in range(0, rows, 1000):
            yield b"".join(b"AGENT-%09d,Somebody with a long name\n" % row for row in range(start, start + 1000))

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest and (more := next(self._lines, b"")):
            self._rest = more
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def test_a_large_roster_never_sits_in_memory() -> None:
    rows = 100_000
    tracemalloc.start()
    stream = io.BufferedReader(Endless(rows))  # type: ignore[type-var]  # a RawIOBase is one
    with clean_roster(stream) as roster:
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == roster.professionals
    assert peak < 2_000_000, "two megabytes, for five megabytes of rows"


@pytest.mark.parametrize("row", [b"a," * 10_000_000, b'"\n",' * 5_000_000], ids=["one line", "many lines"])
def test_a_row_without_end_never_sits_in_memory(row: bytes) -> None:
    content = io.BytesIO(b"professional_id\n" + row)
    tracemalloc.start()
    with pytest.raises(InputError, match="a row is longer than 1,000,000 characters"), clean_roster(content):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000, "of cells, of which a row of a million characters may hold half a million"
