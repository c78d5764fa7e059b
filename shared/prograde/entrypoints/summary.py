"""What is said of a batch when it is over: grades, why others have none, what looks wrong, where the files are."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from prograde.entrypoints.standing import counts_text
from prograde.use_cases.export_files import GRADED, UNGRADED
from prograde.use_cases.read_batch import Progress

CAUSES_SHOWN = 5
CAUSES_MAX = 1_000
"""An API may word each failure differently; what is kept of them is bounded."""
UNPRICED_SHARE = 0.5
"""Above this share of graded professionals with sides and no volume, it is the source file that is wrong."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why professionals have no grade: how they ended, how many did, and what was said of the first of them."""

    name: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look over an export found: why professionals have no grade, and what looks like a mistake."""

    causes: tuple[Cause, ...]
    warnings: tuple[str, ...]


def findings(progress: Progress, folder: Path) -> Findings:
    """Look over the export's files, a row at a time."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in _rows(folder / UNGRADED):
        name, example = _cause(row)
        name = name if name in counts or len(counts) < CAUSES_MAX else "for other causes"
        counts[name] += 1
        examples.setdefault(name, example)
    graded = unpriced = 0
    for row in _rows(folder / GRADED):
        graded += 1
        unpriced += row["sides"] != "0" and row["unpriced_sides"] == row["sides"]
    warnings = []
    if graded == 0:
        warnings.append(f"nobody was graded, of {progress.total:,}: check the roster's ids and the source file")
    elif unpriced > UNPRICED_SHARE * graded:
        warnings.append(
            f"{unpriced:,} of {graded:,} have sales without a single price: "
            "check stages.historical.fields.close_price in the source file"
        )
    causes = tuple(Cause(name, count, examples[name]) for name, count in counts.most_common())
    return Findings(causes, tuple(warnings))


def _cause(row: Mapping[str, str]) -> tuple[str, str]:
    """Name the end of a professional without a grade as dead letters are grouped, and give what was said of it."""
    outcome = row["outcome"].replace("_", " ")
    cause, _, said = row["grade_reasons"].partition(": ")
    return (outcome if cause in ("", row["outcome"]) else f"{outcome}: {cause}"), said


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def print_result(progress: Progress, found: Findings, console: Console, folder: Path) -> None:
    """Print the grade table, and below it what needs a look."""
    graded = sum(progress.by_grade.values())
    table = Table(title=f"Batch {progress.batch.batch_id}: {progress.batch.status}", title_justify="left")
    table.add_column("Grade")
    for heading in ("From volume", "Professionals", "Of the graded"):
        table.add_column(heading, justify="right", no_wrap=True)
    for tier in progress.batch.parameters.rubric.tiers:
        count = progress.by_grade[tier.name]
        share = f"{100 * count / graded:.1f} %" if graded else "-"
        volume = f"${tier.minimum_cents // 100:,}" if tier.minimum_cents else "any"
        table.add_row(tier.name, volume, f"{count:,}", share)
    console.print(table)
    console.print(counts_text(progress), markup=False)
    for cause in found.causes[:CAUSES_SHOWN]:
        example = f" (such as: {cause.example})" if cause.example else ""
        console.print(f"  {cause.count:,} {cause.name}{example}", markup=False)
    if len(found.causes) > CAUSES_SHOWN:
        console.print(f"  and {len(found.causes) - CAUSES_SHOWN:,} other causes, in {UNGRADED}", markup=False)
    for warning in found.warnings:
        console.print(f"Warning: {warning}", style="bold yellow", markup=False)
    console.print(f"CSVs: {folder}", markup=False)
