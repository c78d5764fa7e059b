"""What is said of a batch when it is over: grades, why others have none, what looks wrong, where the files are."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from prograde.entrypoints.progress import counts_text
from prograde.use_cases.export_files import GRADED, UNGRADED
from prograde.use_cases.read_batch import Progress

CAUSES_SHOWN = 5
CAUSES_MAX = 1_000
"""An API may word each failure differently; what is kept of them is bounded."""
UNPRICED_SHARE = 0.5
"""Above this share of graded professionals with sides and no volume, it is the source file that is wrong."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look over an export found: why professionals have no grade, and what looks like a mistake."""

    causes: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...]


def findings(progress: Progress, folder: Path) -> Findings:
    """Look over the export's files, a row at a time."""
    causes: Counter[str] = Counter()
    for row in _rows(folder / UNGRADED):
        outcome = row["outcome"].replace("_", " ")
        reason = row["grade_reasons"]
        cause = outcome if reason in ("", row["outcome"]) else f"{outcome}: {reason}"
        causes[cause if cause in causes or len(causes) < CAUSES_MAX else "for other causes"] += 1
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
    return Findings(tuple(causes.most_common()), tuple(warnings))


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
        table.add_row(tier.name, f"${tier.minimum_cents // 100:,}", f"{count:,}", share)
    console.print(table)
    console.print(counts_text(progress), markup=False)
    for cause, count in found.causes[:CAUSES_SHOWN]:
        console.print(f"  {count:,} {cause}", markup=False)
    if len(found.causes) > CAUSES_SHOWN:
        console.print(f"  and {len(found.causes) - CAUSES_SHOWN:,} other causes, in {UNGRADED}", markup=False)
    for warning in found.warnings:
        console.print(f"Warning: {warning}", style="bold yellow", markup=False)
    console.print(f"CSVs: {folder}", markup=False)
