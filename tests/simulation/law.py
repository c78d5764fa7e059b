"""
What must hold when a run is over: it ended, one export a grading run, and the law.

The law: the export is that of the calm run, byte for byte, whenever all faults healed. Where a fault changed the
evidence, the rows of whom it touched may differ, and no others, rank apart.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from prograde.domain.batch import Batch, BatchStatus
from tests.simulation.world import World

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """One published export: its rows by professional, rank apart, and the digest of its files."""

    rows: Mapping[str, Row]
    digest: str


def exported(files: Mapping[str, bytes]) -> Exported:
    """Read a published export."""
    tables = {name: content for name, content in files.items() if name.endswith(".csv")}
    lines = "".join(f"{sha256(tables[name]).hexdigest()}  {name}\n" for name in sorted(tables))
    rows: dict[str, Row] = {}
    for name in ("graded.csv", "ungraded.csv"):
        for row in csv.DictReader(io.StringIO(tables[name].decode(), newline="")):
            rows[row["professional_id"]] = tuple(value for column, value in row.items() if column != "rank")
    return Exported(rows, sha256(lines.encode()).hexdigest())


def state_of(row: Row) -> str:
    """Read how a professional ended."""
    return row[-3]


def reason_of(row: Row) -> str:
    """Read why a professional has the grade that it has, or none."""
    return row[-1]


def end_problems(world: World) -> Iterator[str]:
    """Name what is wrong with how a run ended."""
    batch = world.auditor.batch
    if batch is None or not batch.status.is_over:
        yield f"the batch did not end: {batch and batch.status}, op {batch and batch.op}"
        return
    roster = {person.professional_id for person in world.api.market.people}
    if roster != world.auditor.professionals.keys():
        yield "the professionals are not those of the roster"
    expected = {f"exports/{batch.batch_id}/{run:03}" for run in range(1, batch.grading_run + 1)}
    if expected != world.blobs.published.keys():
        yield f"published {sorted(world.blobs.published)}, grading runs {batch.grading_run}"
        return
    for prefix, tries in world.blobs.published.items():
        if len({exported(files).digest for files in tries}) > 1:
            yield f"{prefix} was to be published with different contents"
    if batch.export_digest != export_of(world).digest:
        yield "the batch names another digest than its export has"
    runs = {run.grading_run: run for run in world.warehouse.runs if run.export_digest}
    if runs.keys() != set(range(1, batch.grading_run + 1)):
        yield f"lineage knows grading runs {sorted(runs)} of {batch.grading_run}"
    if any(run.differences for run in runs.values()):
        yield f"the raw rows do not bear the export out: {batch.reason}"
    has_given_up = "the source answered nobody" in batch.reason
    if (batch.status is BatchStatus.INCOMPLETE) != has_given_up or bool(batch.reason) != has_given_up:
        yield f"the batch is {batch.status}: {batch.reason}"


def export_of(world: World) -> Exported:
    """Read the export of the latest grading run, as it was first published."""
    batch = world.auditor.batch
    assert batch is not None
    return exported(world.blobs.published[f"exports/{batch.batch_id}/{batch.grading_run:03}"][0])


def law_problems(world: World, calm: Exported) -> Iterator[str]:
    """Name the rows that differ from the calm run's without a fault that touched them."""
    batch = world.auditor.batch
    assert batch is not None
    export = export_of(world)
    touched = 0
    for professional_id, expected in calm.rows.items():
        row = export.rows.get(professional_id)
        if row == expected:
            world.chance.saw("row equal to the calm run's")
        elif row is not None and is_excused(world, batch, professional_id, row):
            touched += 1
            world.chance.saw(f"row changed by its fault: {state_of(row)}")
        else:
            yield f"{professional_id}: {row} instead of {expected}"
    if not touched:
        world.chance.saw("run whose digest equals the calm run's")
        if export.digest != calm.digest:
            yield "nobody was touched, and the digest is another"


def is_excused(world: World, batch: Batch, professional_id: str, row: Row) -> bool:
    """Whether a fault changed what can be known of a professional, and the row says so."""
    if batch.is_cancelled and state_of(row) == "cancelled":
        return True
    if professional_id in world.api.changed:
        return True
    if state_of(row) not in ("failed", "not_found") or reason_of(row) == "":
        return False
    if reason_of(row).startswith("source_outage"):
        seeded = world.auditor.seeded_when_given_up
        if world.api.troubled and not world.auditor.evidence.are_clocks_right:
            # By wrong clocks the patience may seem over before the probe has asked for anybody else.
            return True
        return world.outlasts_patience(batch) or not all(world.api.is_anybody_well(asked) for asked in seeded)
    if world.api.outages and not world.auditor.evidence.are_clocks_right:
        # Whose fault a failure is, is told by when others were answered: where clocks differ, that may be wrong.
        return True
    if professional_id in world.api.troubled:
        # An outage may have come first, and taken the place of one of its failures.
        return True
    limit = batch.parameters.failure_limit
    return world.api.failures_of(professional_id) >= limit or world.auditor.evidence.has_died(professional_id)
