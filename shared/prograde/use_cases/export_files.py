"""Write the export's files: one streaming writer for both families, so that the bytes are the same."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path

from prograde.domain.batch import Batch
from prograde.domain.crm import (
    HUBSPOT_COLUMNS,
    SALESFORCE_COLUMNS,
    SALESFORCE_ROWS_MAX,
    excel_row,
    hubspot_row,
    is_hubspot_contact,
    salesforce_row,
)
from prograde.domain.export import COLUMNS, export_row
from prograde.domain.grading import tier_slug
from prograde.domain.professional import Professional
from prograde.ports import RankedRow

GRADED = "graded.csv"
UNGRADED = "ungraded.csv"
EXCEL = "graded_excel.csv"
HUBSPOT = "hubspot_contacts.csv"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: rows and sha256 of each file, professionals by state and grade, and the digest of it all."""

    files: Mapping[str, Mapping[str, object]]
    by_state: Mapping[str, int]
    by_grade: Mapping[str, int]
    calls: int
    digest: str


def write_export(folder: Path, batch: Batch, rows: Iterable[RankedRow]) -> Export:
    """
    Write `graded.csv` (everybody who has a grade), a CSV for each grade, and `ungraded.csv` (everybody else).

    UTF-8 without a byte-order mark, lines ended by CRLF, cells quoted where needed (RFC 4180). Beside them the graded
    once more as Excel, HubSpot and Salesforce take them.
    """
    by_state: dict[str, int] = {}
    by_grade = {tier.name: 0 for tier in batch.parameters.rubric.tiers}
    calls = 0
    emails: set[bytes] = set()
    with ExitStack() as stack:
        tables = _Tables(folder, stack)
        for name in (GRADED, UNGRADED, *map(grade_file, by_grade)):
            tables.begin(name, COLUMNS)
        tables.begin(EXCEL, COLUMNS, "utf-8-sig")
        tables.begin(HUBSPOT, HUBSPOT_COLUMNS)
        tables.begin(salesforce_file(0), SALESFORCE_COLUMNS)
        for row in rows:
            professional = row.professional
            calls += professional.calls
            by_state[professional.state] = by_state.get(professional.state, 0) + 1
            cells = export_row(row.rank, row.grade, row.reasons, professional, batch.parameters.as_of)
            if row.rank is None:
                tables.add(UNGRADED, cells)
                continue
            graded = tables.counts[GRADED]
            by_grade[row.grade] += 1
            tables.add(GRADED, cells)
            tables.add(grade_file(row.grade), cells)
            tables.add(EXCEL, excel_row(cells))
            email = _unused_email(professional, emails)
            if is_hubspot_contact(professional, email):
                tables.add(HUBSPOT, hubspot_row(row.rank, row.grade, professional, email))
            if graded and graded % SALESFORCE_ROWS_MAX == 0:
                tables.begin(salesforce_file(graded), SALESFORCE_COLUMNS)
            tables.add(salesforce_file(graded), salesforce_row(row.rank, row.grade, row.reasons, professional))
    files = {name: {"rows": count, **_measured(folder / name)} for name, count in sorted(tables.counts.items())}
    return Export(files, by_state, by_grade, calls, _digest(files))


class _Tables:
    """The CSVs being written, and how many rows each has."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._writers: dict[str, Callable[[Iterable[str]], object]] = {}
        self.counts: dict[str, int] = {}

    def begin(self, name: str, columns: Sequence[str], encoding: str = "utf-8") -> None:
        """Begin a file with its header."""
        stream = self._stack.enter_context((self._folder / name).open("w", encoding=encoding, newline=""))
        self._writers[name] = csv.writer(stream, lineterminator="\r\n").writerow
        self._writers[name](columns)
        self.counts[name] = 0

    def add(self, name: str, cells: Sequence[str]) -> None:
        """Add a row to a file that was begun."""
        self._writers[name](cells)
        self.counts[name] += 1


def _unused_email(professional: Professional, emails: set[bytes]) -> str:
    """
    Give an e-mail address to the first who has it: HubSpot tells contacts apart by it, and would merge the others.

    Addresses are remembered as hashes, so that half a million of them take some 40 MB.
    """
    email = professional.profile.email if professional.profile else ""
    if not email:
        return ""
    digest = blake2b(email.casefold().encode(), digest_size=8).digest()
    if digest in emails:
        return ""
    emails.add(digest)
    return email


def grade_file(grade: str) -> str:
    """Name the CSV of a grade: "A+" is grade_a_plus.csv."""
    return f"grade_{tier_slug(grade)}.csv"


def salesforce_file(graded: int) -> str:
    """Name the file of the lead that so many graded ones precede: the wizard takes a bounded number of rows."""
    number = graded // SALESFORCE_ROWS_MAX
    return f"salesforce_leads_{number + 1}.csv" if number else "salesforce_leads.csv"


def _measured(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        digest = sha256()
        size = 0
        while block := file.read(1024 * 1024):
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _digest(files: Mapping[str, Mapping[str, object]]) -> str:
    """Digest names and contents of all CSVs."""
    lines = "".join(f"{files[name]['sha256']}  {name}\n" for name in sorted(files))
    return sha256(lines.encode()).hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write the manifest, last: it is the proof that the files are all there."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
