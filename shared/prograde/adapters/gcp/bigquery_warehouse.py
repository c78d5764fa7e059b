"""Rows in BigQuery."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, cast

import orjson
from google.api_core.exceptions import Conflict
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from prograde.adapters.documents import BATCH, PROFESSIONAL
from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.sql import query
from prograde.adapters.warehouse_rows import (
    TABLES,
    Column,
    Row,
    grade_row,
    raw_page_row,
    record_of,
    result_row,
    run_row,
)
from prograde.domain.batch import Batch
from prograde.domain.effects import digest
from prograde.domain.professional import Professional
from prograde.domain.raw_page import RawPage
from prograde.errors import CorruptionError, UnavailableError
from prograde.ports import ATTEMPT_BODY_MAX, Attempt, Difference, GradedRow, RankedRow, Reconciliation, Run

STREAMED_BYTES_MAX = 9_500_000
"""Of a row as the client sends it, every character beyond ASCII escaped; a whole request may have 10 MB."""
STREAM_SECONDS_MAX = 30.0
JOB_SECONDS_MAX = 600.0
_SERVICE = "BigQuery"
_STREAM_RETRY = DEFAULT_RETRY.with_timeout(STREAM_SECONDS_MAX)
_PASSING_REASONS = {"backendError", "internalError", "rateLimitExceeded", "stopped", "timeout"}
_FETCHED_ROWS = 1_000
JOBS_MAX = 5
"""How often a load may fail before somebody has to look: the name of a job that failed is used up."""
CLOCKS_DIFFER_MAX = timedelta(hours=1)

Value = str | int | date | datetime
_PARAMETER_TYPES: tuple[tuple[type, str], ...] = (
    (int, "INT64"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (str, "STRING"),
)


@dataclass(frozen=True, slots=True)
class _Into:
    """What a load does with the table that it goes into."""

    create: str
    write: str


# A load that might create its table needs the permission for it, even where the table is there.
_APPENDING = _Into(bigquery.CreateDisposition.CREATE_NEVER, bigquery.WriteDisposition.WRITE_APPEND)
_MAKING = _Into(bigquery.CreateDisposition.CREATE_IF_NEEDED, bigquery.WriteDisposition.WRITE_TRUNCATE)


class BigqueryWarehouse:
    """
    Warehouse over a dataset.

    What is appended is streamed, at least once, and read by its key. A grading run's results and grades are loaded
    into a table of their own in the scratch dataset, whose tables expire, and replace an earlier try's in one
    statement. A load's job has a name, so that a try that comes again waits for the job that there is. Every
    statement names the partitions and clusters that it reads. Datasets by their full names, `project.dataset`.
    """

    def __init__(self, client: bigquery.Client, dataset: str, scratch: str) -> None:
        self._client = client
        self._dataset = dataset
        self._scratch = scratch

    def insert_raw_page(self, raw_page: RawPage) -> None:
        """Stream a raw row."""
        self._append("raw_page_log", raw_page_row(raw_page), raw_page.raw_id)

    def append_batch(self, batch: Batch, at: datetime) -> None:
        """Stream a batch's status."""
        row = {"at": at, "batch_id": batch.batch_id, "status": batch.status, "document": BATCH.write(batch)}
        self._append("batches", row, digest(batch.batch_id, batch.status, at.isoformat()))

    def append_run(self, run: Run) -> None:
        """Stream a grading run's lineage."""
        self._append("runs", run_row(run), digest(run.batch_id, run.grading_run))

    def check(self) -> None:
        """Ask for every table, and for the dataset that results and grades pass through."""
        with _mapped_errors():
            for table in TABLES:
                self._client.get_table(f"{self._dataset}.{table}", retry=_STREAM_RETRY, timeout=STREAM_SECONDS_MAX)
            self._client.get_dataset(self._scratch, retry=_STREAM_RETRY, timeout=STREAM_SECONDS_MAX)

    def _append(self, table: str, row: Row, row_id: str) -> None:
        line = orjson.dumps(row)
        sent = json.loads(line)
        if len(json.dumps(sent)) > STREAMED_BYTES_MAX:
            # Too big to be streamed, and too rare to use up the load jobs of a day.
            self._load_file(f"{self._dataset}.{table}", table, BytesIO(line), _APPENDING, digest(table, row_id))
            return
        with _mapped_errors():
            refused = self._client.insert_rows_json(
                f"{self._dataset}.{table}",
                [sent],
                row_ids=[row_id],
                retry=_STREAM_RETRY,
                timeout=STREAM_SECONDS_MAX,
            )
        if refused:
            why = [error for entry in refused for error in entry["errors"]]
            is_passing = all(error.get("reason") in _PASSING_REASONS for error in why)
            raise (UnavailableError if is_passing else CorruptionError)(f"{_SERVICE} refused a row of {table}: {why}")

    def attempts(self, batch_id: str, professional_id: str) -> tuple[Attempt, ...]:
        """Read a professional's raw rows."""
        log = f"SELECT * FROM `{self._dataset}.raw_page_log` WHERE batch_id = @batch_id"  # noqa: S608  # our own name
        rows = self._run(
            f"WITH raw_page_log AS ({log})\n(\n{query('attempts')}\n)",
            batch_id=batch_id,
            professional_id=professional_id,
            body_max=ATTEMPT_BODY_MAX,
        )
        return tuple(Attempt(*(*told, tuple(map(record_of, records)))) for *told, records in rows)

    def load_results(self, batch: Batch, professionals: Iterable[Professional]) -> int:
        """Load this grading run's results."""
        return self._load("results", batch, (result_row(batch, professional) for professional in professionals))

    def load_grades(self, batch: Batch, rows: Iterable[GradedRow]) -> int:
        """Load this grading run's grades."""
        return self._load("grades", batch, (grade_row(batch, row) for row in rows))

    def _load(self, table: str, batch: Batch, rows: Iterable[Row]) -> int:
        count, content = 0, sha256()
        with tempfile.TemporaryFile() as file:
            for row in rows:
                line = orjson.dumps(row) + b"\n"
                file.write(line)
                content.update(line)
                count += 1
            file.seek(0)
            # By its content and wake too: two finalizers at once may share a table, or have one each; and a job is
            # remembered for longer than its table is there.
            name = digest(batch.batch_id, batch.grading_run, batch.wake, content.hexdigest())
            loaded = f"{self._scratch}.{table}_{name}"
            if count:
                self._load_file(loaded, table, file, _MAKING, f"{table}_{name}")
        run: dict[str, Value] = {
            "batch_id": batch.batch_id,
            "grading_run": batch.grading_run,
            "as_of": batch.parameters.as_of,
        }
        self._run(_replacement(table, loaded) if count else _removal(table), **run)
        return count

    def _load_file(self, target: str, table: str, lines: IO[bytes], into: _Into, name: str) -> None:
        """Load lines by a job of a name, or wait for the one that an earlier try began."""
        config = bigquery.LoadJobConfig(
            schema=[schema_field(column) for column in TABLES[table]],
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            create_disposition=into.create,
            write_disposition=into.write,
        )
        for attempt in range(JOBS_MAX):
            job_id = f"prograde_{name}_{attempt}"
            with _mapped_errors():
                try:
                    job = self._client.load_table_from_file(
                        lines, target, job_config=config, job_id=job_id, rewind=True
                    )
                except Conflict:
                    job = cast("bigquery.LoadJob", self._client.get_job(job_id))
                    if job.error_result is not None:
                        continue
                job.result(timeout=JOB_SECONDS_MAX)
                return
        raise UnavailableError(f"{_SERVICE}: all {JOBS_MAX} jobs prograde_{name} have failed")

    def reconcile(self, batch: Batch, limit: int) -> Reconciliation:
        """Recompute every aggregate from raw rows."""
        rules: dict[str, Value] = {
            "attribution": str(batch.parameters.attribution),
            "cutoff": batch.parameters.cutoff,
        }
        (raw_pages,) = self._read("visible_raw_pages", batch)
        missing = self._read("missing_raw_ids", batch, limit=limit)
        differences = self._read("differences", batch, limit=limit, **rules)
        return Reconciliation(
            int(raw_pages[0]),
            tuple(row[0] for row in missing),
            tuple(Difference(*row) for row in differences),
        )

    def ranked(self, batch: Batch) -> Iterator[RankedRow]:
        """Stream the export's rows."""
        for position, grade, reasons, document in self._read("ranked", batch):
            yield RankedRow(position, grade, tuple(reasons), PROFESSIONAL.read(document))

    def _read(self, name: str, batch: Batch, **values: Value) -> Iterator[tuple[Any, ...]]:
        """Run a query over a grading run's rows, each raw row once."""
        raw_rows = "batch_id = @batch_id AND sent_at >= @sent_from"
        run_rows = "batch_id = @batch_id AND grading_run = @grading_run AND as_of = @as_of"
        seen = {"raw_page_log": raw_rows, "results": run_rows, "grades": run_rows}
        tables = [
            f"{table} AS (SELECT * FROM `{self._dataset}.{table}` WHERE {which})"  # noqa: S608  # our own names
            for table, which in seen.items()
        ]
        return self._run(
            f"WITH {', '.join(tables)}, raw_pages AS (\n{query('raw_pages')}\n)\n(\n{query(name)}\n)",
            batch_id=batch.batch_id,
            grading_run=batch.grading_run,
            as_of=batch.parameters.as_of,
            sent_from=batch.created_at - CLOCKS_DIFFER_MAX,
            **values,
        )

    def _run(self, sql: str, **values: Value) -> Iterator[tuple[Any, ...]]:
        """Run a statement to its end and stream its rows; nothing is read of one that is not iterated."""
        config = bigquery.QueryJobConfig(
            default_dataset=self._dataset,
            query_parameters=[_parameter(name, value) for name, value in values.items()],
        )
        with _mapped_errors():
            rows = self._client.query(sql, job_config=config).result(page_size=_FETCHED_ROWS, timeout=JOB_SECONDS_MAX)
        return _values(rows)


def _parameter(name: str, value: Value) -> bigquery.ScalarQueryParameter:
    type_ = next(type_ for python, type_ in _PARAMETER_TYPES if isinstance(value, python))
    return bigquery.ScalarQueryParameter(name, type_, value)


def _values(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    with _mapped_errors():
        for row in rows:
            yield row.values()


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        with mapped_errors(_SERVICE):
            yield
    except TimeoutError as error:
        raise UnavailableError(f"{_SERVICE}: a job took more than {JOB_SECONDS_MAX} s") from error


def _replacement(table: str, loaded: str) -> str:
    """Write the one statement that removes a grading run's rows and inserts the loaded ones."""
    columns = ", ".join(column.name for column in TABLES[table])
    return (
        f"MERGE {table} AS t USING `{loaded}` AS s ON FALSE"  # noqa: S608  # our own names
        " WHEN NOT MATCHED BY SOURCE AND t.batch_id = @batch_id AND t.grading_run = @grading_run"
        " AND t.as_of = @as_of THEN DELETE"
        f" WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({columns})"
    )


def _removal(table: str) -> str:
    which = "batch_id = @batch_id AND grading_run = @grading_run AND as_of = @as_of"
    return f"DELETE FROM {table} WHERE {which}"  # noqa: S608  # our own name


def schema_field(column: Column) -> bigquery.SchemaField:
    """Write a column as BigQuery's own."""
    mode = "REPEATED" if column.is_repeated else "NULLABLE"
    return bigquery.SchemaField(column.name, column.type, mode, fields=[schema_field(inner) for inner in column.fields])
