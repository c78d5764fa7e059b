"""Rows as NDJSON files, queried in place by DuckDB."""

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import orjson

from prograde.adapters.documents import BATCH, PROFESSIONAL
from prograde.adapters.local.file_blob_store import make_folder, mapped_errors, sync_folder
from prograde.adapters.local.ndjson_tables import raw_page_line, scan, write_without_bodies
from prograde.adapters.local.segmented_log import SegmentedLog, lines_with
from prograde.adapters.sql import query
from prograde.adapters.warehouse_rows import Row, grade_row, record_of, result_row, run_row
from prograde.domain.batch import Batch
from prograde.domain.professional import Professional
from prograde.domain.raw_page import RawPage
from prograde.errors import BusyError, CorruptionError, ProgradeError, UnavailableError
from prograde.ports import ATTEMPT_BODY_MAX, Attempt, Difference, GradedRow, RankedRow, Reconciliation, Run

MEMORY_LIMIT = "2GB"
THREADS = 1
"""A second thread makes a query hardly shorter, costs a third more, and takes a buffer of twice ROW_BYTES_MAX."""
TURN_SECONDS = 2.0
"""How long one who asks for a professional's attempts waits while another's are looked for."""
AGAIN_SECONDS = 5.0
_FETCHED_ROWS = 1_000


class DuckdbWarehouse:
    """
    Warehouse over a folder.

    `raw_pages/BATCH/*.ndjson` is appended, durably, before a page is counted; `results` and `grades` are one file a
    grading run, replaced whole, so that a retry leaves one copy.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs: dict[str, SegmentedLog] = {}
        self._guard = threading.Lock()
        self._attempts_turn = threading.Lock()
        with mapped_errors():
            make_folder(folder)

    def insert_raw_page(self, raw_page: RawPage) -> None:
        """Append a raw row."""
        self._log(f"raw_pages/{raw_page.batch_id}").append(raw_page_line(raw_page))

    def append_batch(self, batch: Batch, at: datetime) -> None:
        """Append a batch's status."""
        row = {"at": at, "batch_id": batch.batch_id, "status": batch.status, "document": BATCH.write(batch)}
        self._log("batches").append(orjson.dumps(row))

    def append_run(self, run: Run) -> None:
        """Append a grading run's lineage."""
        self._log("runs").append(orjson.dumps(run_row(run)))

    def _log(self, name: str) -> SegmentedLog:
        with self._guard:
            log = self._logs.get(name)
            if log is None:
                log = self._logs[name] = SegmentedLog(self._folder / name)
            return log

    def load_results(self, batch: Batch, professionals: Iterable[Professional]) -> int:
        """Write this grading run's results file."""
        return self._load("results", batch, (result_row(batch, professional) for professional in professionals))

    def load_grades(self, batch: Batch, rows: Iterable[GradedRow]) -> int:
        """Write this grading run's grades file."""
        return self._load("grades", batch, (grade_row(batch, row) for row in rows))

    def _load(self, table: str, batch: Batch, rows: Iterable[Row]) -> int:
        target = self._file(table, batch)
        count = 0
        with mapped_errors():
            make_folder(target.parent)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                whole = Path(folder, target.name)
                with whole.open("wb") as file:
                    for row in rows:
                        file.write(orjson.dumps(row) + b"\n")
                        count += 1
                    file.flush()
                    os.fsync(file.fileno())
                whole.replace(target)
            sync_folder(target.parent)
        return count

    def reconcile(self, batch: Batch, limit: int) -> Reconciliation:
        """Recompute every aggregate from raw rows, which are read once."""
        run = {"batch_id": batch.batch_id, "grading_run": batch.grading_run, "limit": limit}
        rules = {
            "attribution": str(batch.parameters.attribution),
            "cutoff": batch.parameters.cutoff.isoformat(),
            "as_of": batch.parameters.as_of.isoformat(),
        }
        with self._heads(batch.batch_id) as heads, self._connection() as connection:
            # A table, because a view would be read from its file once for each of a dozen figures.
            results = scan("results", self._files("results", batch))
            connection.execute(f"CREATE TEMP TABLE results AS SELECT * EXCLUDE (document) FROM ({results})")  # noqa: S608  # our own names
            connection.execute(f"CREATE TEMP VIEW raw_page_log AS {scan('raw_page_log', [heads])}")
            connection.execute(f"CREATE TEMP TABLE raw_pages AS {_transpiled('raw_pages')}")
            raw_pages = next(_rows(connection, "visible_raw_pages", batch_id=batch.batch_id))
            missing = _rows(connection, "missing_raw_ids", **run)
            missing_raw_ids = tuple(row[0] for row in missing)
            differences = _rows(connection, "differences", **run, **rules)
            return Reconciliation(int(raw_pages[0]), missing_raw_ids, tuple(Difference(*row) for row in differences))

    def attempts(self, batch_id: str, professional_id: str) -> tuple[Attempt, ...]:
        """
        Read a professional's raw rows; every segment of the batch is looked through, and only their lines parsed.

        In a large batch that takes seconds, so one does it at a time: the service has threads left for all else.
        Raises BusyError when another takes longer.
        """
        part = b'"professional_id":' + orjson.dumps(professional_id)
        with self._a_turn(), mapped_errors(), tempfile.NamedTemporaryFile(dir=self._folder, suffix=".ndjson") as file:
            file.writelines(lines_with(self._folder / "raw_pages" / batch_id, part))
            file.flush()
            return self._attempts_in(Path(file.name), batch_id, professional_id)

    @contextmanager
    def _a_turn(self) -> Iterator[None]:
        if not self._attempts_turn.acquire(timeout=TURN_SECONDS):
            raise BusyError("the raw answers of another professional are being looked for: ask again", AGAIN_SECONDS)
        try:
            yield
        finally:
            self._attempts_turn.release()

    def _attempts_in(self, lines: Path, batch_id: str, professional_id: str) -> tuple[Attempt, ...]:
        with self._connection() as connection:
            connection.execute(f"CREATE TEMP VIEW raw_page_log AS {scan('raw_page_log', [lines])}")
            rows = _rows(
                connection, "attempts", batch_id=batch_id, professional_id=professional_id, body_max=ATTEMPT_BODY_MAX
            )
            return tuple(
                Attempt(
                    raw_id,
                    step,
                    stage,
                    page,
                    outcome,
                    detail,
                    *(sent_at.replace(tzinfo=UTC), *rest, tuple(map(record_of, records))),
                )
                for raw_id, step, stage, page, outcome, detail, sent_at, *rest, records in rows
            )

    def ranked(self, batch: Batch) -> Iterator[RankedRow]:
        """Stream the export's rows."""
        run = {"batch_id": batch.batch_id, "grading_run": batch.grading_run}
        with self._run_connection(batch) as connection:
            for position, grade, reasons, document in _rows(connection, "ranked", **run):
                yield RankedRow(position, grade, tuple(reasons), PROFESSIONAL.read(document))

    def check(self) -> None:
        """Ask whether a row could be kept."""
        with mapped_errors(), tempfile.TemporaryFile(dir=self._folder) as file:
            file.write(b"{}\n")
            file.flush()

    def close(self) -> None:
        """Close the logs."""
        with self._guard:
            for log in self._logs.values():
                log.close()

    def _file(self, table: str, batch: Batch) -> Path:
        return self._folder / table / batch.batch_id / f"{batch.grading_run:06}.ndjson"

    def _files(self, table: str, batch: Batch) -> Sequence[Path]:
        """List the file of a grading run, if it was written."""
        file = self._file(table, batch)
        return [file] if file.exists() else []

    @contextmanager
    def _heads(self, batch_id: str) -> Iterator[Path]:
        """Lend a file of the batch's raw rows without their bodies."""
        with mapped_errors(), tempfile.NamedTemporaryFile(dir=self._folder, suffix=".ndjson") as file:
            for segment in sorted((self._folder / "raw_pages" / batch_id).glob("*.ndjson")):
                write_without_bodies(segment, file)
            file.flush()
            yield Path(file.name)

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a DuckDB."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "temp_directory": str(self._folder / ".spill"),
            "autoinstall_known_extensions": False,
        }
        with mapped_duckdb_errors(), duckdb.connect(":memory:", config=config) as connection:
            yield connection

    @contextmanager
    def _run_connection(self, batch: Batch) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a DuckDB that sees the batch's grading run."""
        with self._connection() as connection:
            for table in ("results", "grades"):
                connection.execute(f"CREATE TEMP VIEW {table} AS {scan(table, self._files(table, batch))}")
            yield connection


@contextmanager
def mapped_duckdb_errors() -> Iterator[None]:
    """Turn DuckDB's operational errors into ours; a query that is wrong is a mistake of ours and stays one."""
    try:
        yield
    except duckdb.Error as error:
        mapped = mapped_duckdb_error(error)
        if mapped is None:
            raise
        raise mapped from error


def mapped_duckdb_error(error: duckdb.Error) -> ProgradeError | None:
    """Tell what one of DuckDB's errors means; None for a mistake of ours, a wrong statement, which stays one."""
    match error:
        # The database lives in memory for one query: even one that broke is a new one at the next try.
        case duckdb.OperationalError() | duckdb.InternalError() | duckdb.FatalException() | duckdb.InterruptException():
            return UnavailableError(f"DuckDB: {error}")
        case duckdb.DataError():
            return CorruptionError(f"DuckDB: {error}")
        case _:
            return None


def _rows(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> Iterator[tuple[Any, ...]]:
    cursor = connection.execute(_transpiled(name), values)
    while rows := cursor.fetchmany(_FETCHED_ROWS):
        yield from rows


@cache
def _transpiled(name: str) -> str:
    import sqlglot  # noqa: PLC0415  # a tenth of a second, which only who asks DuckDB has to wait

    return sqlglot.transpile(query(name), read="bigquery", write="duckdb")[0]
