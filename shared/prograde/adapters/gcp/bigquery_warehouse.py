"""Rows in BigQuery."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import IO, Any

import orjson
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

STREAMED_BYTES_MAX = 3_000_000
"""A request may have 10 MB, and the client writes each character beyond ASCII three times as long as UTF-8 does."""
STREAM_SECONDS_MAX = 30.0
JOB_SECONDS_MAX = 600.0
_SERVICE = "BigQuery"
_STREAM_RETRY = DEFAULT_RETRY.with_timeout(STREAM_SECONDS_MAX)
_PASSING_REASONS = {"backendError", "internalError", "rateLimitExceeded", "stopped", "timeout"}
_FETCHED_ROWS = 1_000


class BigqueryWarehouse:
    """
    Warehouse over a dataset.

    What is appended is streamed, at least once, and read by its key. A grading run's results and grades are loaded
    into a table of their own in the scratch dataset, whose tables expire, and replace an earlier try's in one
    statement. Datasets by their full names, `project.dataset`.
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

    def _append(self, table: str, row: Row, row_id: str) -> None:
        line = orjson.dumps(row)
        if len(line) > STREAMED_BYTES_MAX:
            # Too big to be streamed, and too rare to use up the load jobs of a day.
            self._load_file(f"{self._dataset}.{table}", table, BytesIO(line), bigquery.WriteDisposition.WRITE_APPEND)
            return
        with _mapped_errors():
            refused = self._client.insert_rows_json(
                f"{self._dataset}.{table}",
                [json.loads(line)],
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
        rows = self._run(
            self._over_raw_pages("attempts"),
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
            # By its content too: two finalizers at once may share a table, or have one each.
            loaded = f"{self._scratch}.{table}_{digest(batch.batch_id, batch.grading_run, content.hexdigest())}"
            if count:
                self._load_file(loaded, table, file, bigquery.WriteDisposition.WRITE_TRUNCATE)
        run: dict[str, str | int] = {"batch_id": batch.batch_id, "grading_run": batch.grading_run}
        self._run(_replacement(table, loaded) if count else _removal(table), **run)
        return count

    def _load_file(self, target: str, table: str, lines: IO[bytes], disposition: str) -> None:
        config = bigquery.LoadJobConfig(
            schema=[schema_field(column) for column in TABLES[table]],
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            write_disposition=disposition,
        )
        with _mapped_errors():
            job = self._client.load_table_from_file(lines, target, job_config=config)
            job.result(timeout=JOB_SECONDS_MAX)

    def reconcile(self, batch: Batch, limit: int) -> Reconciliation:
        """Recompute every aggregate from raw rows."""
        run: dict[str, str | int] = {
            "batch_id": batch.batch_id,
            "grading_run": batch.grading_run,
            "limit": limit,
        }
        rules = {
            "attribution": str(batch.parameters.attribution),
            "cutoff": batch.parameters.cutoff.isoformat(),
            "as_of": batch.parameters.as_of.isoformat(),
        }
        (raw_pages,) = self._run(self._over_raw_pages("visible_raw_pages"), batch_id=batch.batch_id)
        missing = self._run(self._over_raw_pages("missing_raw_ids"), **run)
        differences = self._run(self._over_raw_pages("differences"), **run, **rules)
        return Reconciliation(
            int(raw_pages[0]),
            tuple(row[0] for row in missing),
            tuple(Difference(*row) for row in differences),
        )

    def ranked(self, batch: Batch) -> Iterator[RankedRow]:
        """Stream the export's rows."""
        rows = self._run(query("ranked"), batch_id=batch.batch_id, grading_run=batch.grading_run)
        for position, grade, reasons, document in rows:
            yield RankedRow(position, grade, tuple(reasons), PROFESSIONAL.read(document))

    def _over_raw_pages(self, name: str) -> str:
        """Give a query its raw rows: those of its batch, each once."""
        log = f"SELECT * FROM `{self._dataset}.raw_page_log` WHERE batch_id = @batch_id"  # noqa: S608  # our own name
        return f"WITH raw_page_log AS ({log}), raw_pages AS (\n{query('raw_pages')}\n)\n(\n{query(name)}\n)"

    def _run(self, sql: str, **values: str | int) -> Iterator[tuple[Any, ...]]:
        """Run a statement to its end and stream its rows; nothing is read of one that is not iterated."""
        config = bigquery.QueryJobConfig(
            default_dataset=self._dataset,
            query_parameters=[
                bigquery.ScalarQueryParameter(name, "INT64" if isinstance(value, int) else "STRING", value)
                for name, value in values.items()
            ],
        )
        with _mapped_errors():
            rows = self._client.query(sql, job_config=config).result(page_size=_FETCHED_ROWS, timeout=JOB_SECONDS_MAX)
        return _values(rows)


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
        " WHEN NOT MATCHED BY SOURCE AND t.batch_id = @batch_id AND t.grading_run = @grading_run THEN DELETE"
        f" WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({columns})"
    )


def _removal(table: str) -> str:
    return f"DELETE FROM {table} WHERE batch_id = @batch_id AND grading_run = @grading_run"  # noqa: S608  # our own name


def schema_field(column: Column) -> bigquery.SchemaField:
    """Write a column as BigQuery's own."""
    mode = "REPEATED" if column.is_repeated else "NULLABLE"
    return bigquery.SchemaField(column.name, column.type, mode, fields=[schema_field(inner) for inner in column.fields])
