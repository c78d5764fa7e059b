"""A roster from a CSV: streamed, cleaned, each professional once; a million rows never sit in memory."""

import csv
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.errors import InputError, Problem

COLUMN = "professional_id"
DELIMITERS = ",;\t"
REPORTED_LINES_MAX = 20
SHOWN_LENGTH_MAX = 300
SAVE_AS_CSV = "save it as CSV (UTF-8): File > Save as"
NO_CSV = {
    b"PK\x03\x04": "is a workbook (.xlsx, .ods), no CSV",
    b"\xd0\xcf\x11\xe0": "is a workbook (.xls), no CSV",
    b"\xff\xfe": "is UTF-16 text",
    b"\xfe\xff": "is UTF-16 text",
}
"""What people send for a CSV, by how it begins."""
ROW_LENGTH_MAX = 1_000_000
"""Characters of one row, the header too, however many lines its cells span."""


@dataclass(frozen=True, slots=True)
class CleanRoster:
    """
    The professionals of a roster: one id a line in `lines`, in the file's order, each once.

    `notes` say, by line number, what was passed over: duplicates and blank lines.
    """

    lines: BinaryIO
    professionals: int
    sha256: str
    notes: tuple[str, ...]


@contextmanager
def clean_roster(content: BinaryIO) -> Iterator[CleanRoster]:
    """
    Lend a roster cleaned from a CSV with a `professional_id` column (other columns are ignored).

    A byte-order mark, CRLF, quotes, and `;` or a tab for a comma are accepted. Raises InputError naming the lines
    that hold no usable id, a missing column, an empty roster, or a file that is no UTF-8 text.
    """
    with tempfile.TemporaryDirectory(prefix="prograde-roster-") as folder:
        path = Path(folder) / "roster.txt"
        scan = _Scan()
        with path.open("wb") as lines, _seen_ids(Path(folder) / "seen.db") as seen:
            try:
                _walk(content, lines, seen, scan)
            except UnicodeDecodeError as error:
                problem = Problem("roster", f"near line {scan.line + 1}", f"is no UTF-8 text: {SAVE_AS_CSV}")
                raise InputError([problem]) from error
            except csv.Error as error:
                raise InputError([Problem("roster", f"line {scan.line + 1}", f"is no CSV: {error}")]) from error
        scan.raise_problems()
        with path.open("rb") as lines:
            yield CleanRoster(lines, scan.professionals, scan.digest.hexdigest(), tuple(scan.notes()))


class _Scan:
    """What a walk over the rows found."""

    def __init__(self) -> None:
        self.line = 0
        self.professionals = 0
        self.digest = sha256()
        self.blank = _Lines()
        self.duplicates = _Lines()
        self.problems: list[Problem] = []
        self.unusable = 0

    def refuse(self, value: str, remedy: str) -> None:
        """Note a line without a usable id."""
        self.unusable += 1
        if len(self.problems) < REPORTED_LINES_MAX:
            self.problems.append(Problem(f"roster line {self.line}", value[:SHOWN_LENGTH_MAX], remedy))

    def raise_problems(self) -> None:
        """Raise InputError if the roster cannot be used."""
        if self.unusable > len(self.problems):
            more = self.unusable - len(self.problems)
            self.problems.append(Problem("roster", f"{more} more lines", f"have no usable {COLUMN} either"))
        if not self.problems and self.professionals == 0:
            self.problems.append(Problem("roster", "no rows", "give at least one professional below the header"))
        if self.problems:
            raise InputError(self.problems)

    def notes(self) -> Iterator[str]:
        """Say what was passed over."""
        if self.duplicates.count:
            yield f"{self.duplicates} repeated an earlier professional: each is graded once"
        if self.blank.count:
            yield f"{self.blank} were blank"


class _Lines:
    """Line numbers: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[int] = []

    def add(self, line: int) -> None:
        self.count += 1
        if len(self._first) < REPORTED_LINES_MAX:
            self._first.append(line)

    def __str__(self) -> str:
        shown = ", ".join(str(line) for line in self._first)
        return f"{self.count} line(s) ({shown}{', …' if self.count > len(self._first) else ''})"


class _BoundedLines:
    """The lines of a text; raises csv.Error where one row has too many: no row fills the memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._left = ROW_LENGTH_MAX

    def begin_row(self) -> None:
        """Count the next row's characters."""
        self._left = ROW_LENGTH_MAX

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(self._left + 1):
            self._left -= len(line)
            if self._left < 0:
                raise csv.Error(f"a row is longer than {ROW_LENGTH_MAX:,} characters")
            yield line


def _walk(content: BinaryIO, lines: BinaryIO, seen: sqlite3.Cursor, scan: _Scan) -> None:
    buffered = io.BufferedReader(cast("io.RawIOBase", content))
    text = io.TextIOWrapper(buffered, encoding="utf-8-sig", newline="")
    try:
        _refuse_no_csv(buffered.peek()[:4])
        header = text.readline(ROW_LENGTH_MAX)
        delimiter, at = _column(header)
        scan.line = 1
        if at < 0:
            scan.problems.append(
                Problem("roster", header.strip()[:SHOWN_LENGTH_MAX], f"the first line must name a column {COLUMN}")
            )
            return
        bounded = _BoundedLines(text)
        rows = csv.reader(bounded, delimiter=delimiter, strict=True)
        for row in rows:
            scan.line = rows.line_num + 1
            bounded.begin_row()
            _take(row, at, lines, seen, scan)
    finally:
        # The caller owns the stream: without this, closing the wrappers would close it.
        with suppress(ValueError):
            text.detach()
            buffered.detach()


def _refuse_no_csv(head: bytes) -> None:
    wide = "is UTF-16 text" if b"\0" in head else ""
    what = next((what for beginning, what in NO_CSV.items() if head.startswith(beginning)), wide)
    if what:
        raise InputError([Problem("roster", f"begins with {head.hex(' ').upper()}", f"{what}: {SAVE_AS_CSV}")])


def _column(header: str) -> tuple[str, int]:
    """Find the delimiter under which the header names the column, and the column's place; -1 under none."""
    for delimiter in DELIMITERS:
        names = next(csv.reader([header], delimiter=delimiter), [])
        places = [index for index, name in enumerate(names) if name.strip().casefold() == COLUMN]
        if len(places) > 1:
            raise InputError(
                [Problem("roster", header.strip()[:SHOWN_LENGTH_MAX], f"names the column {COLUMN} more than once")]
            )
        if places:
            return delimiter, places[0]
    return ",", -1


def _take(row: list[str], at: int, lines: BinaryIO, seen: sqlite3.Cursor, scan: _Scan) -> None:
    if not any(cell.strip() for cell in row):
        scan.blank.add(scan.line)
        return
    professional_id = row[at].strip() if at < len(row) else ""
    if not professional_id:
        scan.refuse(professional_id, f"give a {COLUMN}, or delete the line")
    elif len(professional_id) > KEY_LENGTH_MAX or not professional_id.isprintable():
        scan.refuse(professional_id, f"a {COLUMN} is at most {KEY_LENGTH_MAX} printable characters")
    elif not seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (professional_id,)).rowcount:
        scan.duplicates.add(scan.line)
    else:
        line = professional_id.encode() + b"\n"
        lines.write(line)
        scan.digest.update(line)
        scan.professionals += 1


@contextmanager
def _seen_ids(path: Path) -> Iterator[sqlite3.Cursor]:
    """Lend an exact set that lives on the disk; it is thrown away, so nothing is synced."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("BEGIN")
        yield connection.cursor()
    finally:
        connection.close()
