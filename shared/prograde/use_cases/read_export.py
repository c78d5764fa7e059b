"""Read what was published: each grading run's manifest, and its ranked rows a page at a time."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prograde.domain.batch import Batch
from prograde.domain.export import COLUMNS
from prograde.errors import CorruptionError, InputError, NotFoundError, Problem
from prograde.ports import BlobStore
from prograde.use_cases.export_files import GRADED, MANIFEST, UNGRADED, grade_file

LINE_END = b"\r\n"
RUNS_MAX = 20
"""Grading runs of a batch that are listed, the latest ones."""
BLOCK_BYTES = 256 * 1024
SEARCHED_BYTES = 4 * 1024 * 1024
BLOCKS_MAX = 16
"""Blocks that one page goes through: then it says where to go on."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A published file."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Export:
    """A published grading run; `manifest` is all that it says of itself."""

    batch_id: str
    grading_run: int
    export_digest: str
    files: tuple[ExportFile, ...]
    manifest: Mapping[str, Any]

    def file(self, name: str) -> ExportFile:
        """Find a file by its name; raises NotFoundError naming those there are."""
        for file in self.files:
            if file.name == name:
                return file
        known = ", ".join(file.name for file in self.files)
        raise NotFoundError(f"export {self.grading_run} of batch {self.batch_id} has no {name}: there are {known}")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an export: the cells as they stand in the file, by column."""

    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows in the file's order, and the byte at which the next page begins; None at the end."""

    rows: tuple[Row, ...]
    next: int | None


def exports(blobs: BlobStore, batch: Batch) -> Iterator[Export]:
    """Go through a batch's published grading runs, the latest first; one read each."""
    for run in range(batch.grading_run, max(0, batch.grading_run - RUNS_MAX), -1):
        try:
            yield read_export(blobs, batch, run)
        except NotFoundError:
            continue  # this one is being made


def latest_export(blobs: BlobStore, batch: Batch) -> Export:
    """Read the latest published grading run; raises NotFoundError before there is one."""
    for export in exports(blobs, batch):
        return export
    raise NotFoundError(f"batch {batch.batch_id} is {batch.status}: it has no export yet")


def read_export(blobs: BlobStore, batch: Batch, grading_run: int) -> Export:
    """Read a grading run's manifest; raises NotFoundError when it is not published."""
    try:
        manifest = json.loads(blobs.read(f"{export_prefix(batch.batch_id, grading_run)}/{MANIFEST}"))
    except NotFoundError:
        raise NotFoundError(f"batch {batch.batch_id} has no export {grading_run}") from None
    except ValueError as error:
        raise CorruptionError(f"the manifest of export {grading_run} of batch {batch.batch_id}: {error}") from error
    files = tuple(
        ExportFile(name, file["rows"], file["bytes"], file["sha256"]) for name, file in manifest["files"].items()
    )
    return Export(batch.batch_id, grading_run, manifest["export_digest"], files, manifest)


def export_prefix(batch_id: str, grading_run: int) -> str:
    """Tell where a grading run is published."""
    return f"exports/{batch_id}/{grading_run:03}"


def file_blocks(blobs: BlobStore, export: Export, file: ExportFile) -> Iterator[bytes]:
    """Stream a published file."""
    name = f"{export_prefix(export.batch_id, export.grading_run)}/{file.name}"
    for offset in range(0, file.bytes, BLOCK_BYTES):
        yield blobs.read(name, offset, BLOCK_BYTES)


def file_of(batch: Batch, grade: str | None) -> str:
    """Name the file that holds a grade's rows, everybody's with a grade for None, or the others' for "none"."""
    if grade is None:
        return GRADED
    if grade == "none":
        return UNGRADED
    names = [tier.name for tier in batch.parameters.rubric.tiers]
    if grade not in names:
        raise InputError([Problem("grade", grade, f"must be one of {', '.join(names)} or none")])
    return grade_file(grade)


def read_rows(blobs: BlobStore, export: Export, name: str, after: int, limit: int, search: str = "") -> RowPage:
    """
    Read at most `limit` rows of a file from the byte `after` on (0 for the first), those that hold `search` if given.

    A search goes through a bounded part of the file, so that a page may have fewer rows, or none, and yet a next one.
    Raises InputError when no row begins at `after`.
    """
    file = export.file(name)
    path = f"{export_prefix(export.batch_id, export.grading_run)}/{file.name}"
    if after and (after < len(LINE_END) or blobs.read(path, after - len(LINE_END), len(LINE_END)) != LINE_END):
        raise InputError([Problem("cursor", after, "must be one that was given as next")])
    size = SEARCHED_BYTES if search else BLOCK_BYTES
    wanted = search.casefold()
    found: list[Row] = []
    offset, is_first = after, after == 0
    rest = b""
    for _ in range(BLOCKS_MAX):
        block = blobs.read(path, offset + len(rest), size)
        lines, rest = _whole_lines(rest + block)
        for line in lines:
            offset += len(line)
            if is_first:
                is_first = False
                continue
            if wanted in line.decode(errors="replace").casefold():
                found.append(_row(line))
                if len(found) == limit:
                    return RowPage(tuple(found), offset if offset < file.bytes else None)
        if not block:
            return RowPage(tuple(found), None)
    return RowPage(tuple(found), offset)


def _whole_lines(text: bytes) -> tuple[list[bytes], bytes]:
    """Split off what is not a whole line yet; no cell of an export holds a line's end."""
    *lines, rest = text.split(LINE_END)
    return [line + LINE_END for line in lines], rest


def _row(line: bytes) -> Row:
    cells = next(csv.reader([line.decode(errors="replace")]))
    return Row(dict(zip(COLUMNS, cells, strict=False)))
