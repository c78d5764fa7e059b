"""Write the export's files: one streaming writer for both families, so that the bytes are the same."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from prograde.domain.batch import Batch
from prograde.domain.export import COLUMNS, export_row
from prograde.domain.grading import tier_slug
from prograde.ports import RankedRow

GRADED = "graded.csv"
UNGRADED = "ungraded.csv"
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

    UTF-8 without a byte-order mark, lines ended by CRLF, cells quoted where needed (RFC 4180).
    """
    tiers = batch.parameters.rubric.tiers
    names = [GRADED, UNGRADED, *(grade_file(tier.name) for tier in tiers)]
    by_state: dict[str, int] = {}
    by_grade = {tier.name: 0 for tier in tiers}
    calls = 0
    counts = dict.fromkeys(names, 0)
    streams = {name: (folder / name).open("w", encoding="utf-8", newline="") for name in names}
    try:
        writers = {name: csv.writer(stream, lineterminator="\r\n") for name, stream in streams.items()}
        for writer in writers.values():
            writer.writerow(COLUMNS)
        for row in rows:
            professional = row.professional
            cells = export_row(row.rank, row.grade, row.reasons, professional, batch.parameters.as_of)
            for name in (GRADED, grade_file(row.grade)) if row.rank is not None else (UNGRADED,):
                writers[name].writerow(cells)
                counts[name] += 1
            by_state[professional.state] = by_state.get(professional.state, 0) + 1
            if row.rank is not None:
                by_grade[row.grade] += 1
            calls += professional.calls
    finally:
        for stream in streams.values():
            stream.close()
    files = {name: {"rows": counts[name], **_measured(folder / name)} for name in sorted(names)}
    return Export(files, by_state, by_grade, calls, _digest(files))


def grade_file(grade: str) -> str:
    """Name the CSV of a grade: "A+" is grade_a_plus.csv."""
    return f"grade_{tier_slug(grade)}.csv"


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
