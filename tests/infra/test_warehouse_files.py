"""The warehouse's schema files and views, which need no Terraform to be checked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import sqlglot

from prograde.adapters.documents import BATCH
from prograde.adapters.sql import query
from prograde.adapters.warehouse_rows import TABLES, run_row
from prograde.domain.batch import Batch, BatchStatus, Totals, finished, settled
from prograde.ports import Run
from tests.contracts import specimens
from tests.house.checkout import ROOT
from tests.infra.table_schemas import FOLDER, schema_text

VIEWS = ROOT / "infra" / "terraform" / "views"
NOON = specimens.NOON


@pytest.mark.parametrize("table", TABLES)
def test_a_schema_file_is_what_the_code_writes(table: str) -> None:
    assert schema_text(TABLES[table]) == (FOLDER / f"{table}.json").read_text(encoding="utf-8"), "run make schemas"


def test_no_schema_file_is_left_over() -> None:
    files = {path.stem for path in FOLDER.glob("*.json") if path.name != "firestore.indexes.json"}

    assert set(TABLES) == files


def test_a_run_s_row_fills_its_table() -> None:
    run = Run(
        batch_id="b",
        grading_run=1,
        source="s",
        source_sha256="",
        roster_sha256="",
        parameters=specimens.PARAMETERS,
        code_version="",
        started_at=NOON,
        finished_at=NOON,
        professionals=1,
        raw_pages=1,
        calls=1,
        differences=0,
        export_prefix="",
        export_digest="",
    )

    assert [column.name for column in TABLES["runs"]] == list(run_row(run))


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE SCHEMA prograde")
        connection.execute(
            "CREATE TABLE prograde.raw_page_log (batch_id TEXT, raw_id TEXT, sent_at TIMESTAMP, records TEXT, url TEXT)"
        )
        connection.execute('CREATE TABLE prograde.batches ("at" TIMESTAMP, batch_id TEXT, status TEXT, document TEXT)')
        connection.execute(
            "CREATE TABLE prograde.runs (batch_id TEXT, grading_run INTEGER, finished_at TIMESTAMP, calls INTEGER)"
        )
        yield connection


def select(warehouse: duckdb.DuckDBPyConnection, view: str) -> list[dict[str, str | None]]:
    """Read a view, every value as text."""
    text = (VIEWS / f"{view}.sql").read_text(encoding="utf-8").replace("${dataset}", "prograde")
    statement = sqlglot.transpile(text, read="bigquery", write="duckdb")[0]
    cursor = warehouse.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({statement})")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_a_raw_row_that_was_delivered_twice_is_seen_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    for raw_id, second in (("r1", 1), ("r1", 2), ("r2", 1)):
        warehouse.execute(
            "INSERT INTO prograde.raw_page_log VALUES ('b', ?, ?, '[]', 'u')",
            [raw_id, NOON + timedelta(seconds=second)],
        )

    assert ["r1", "r2"] == sorted(row["raw_id"] or "" for row in select(warehouse, "raw_pages"))


def test_the_view_of_raw_rows_and_the_code_s_own_query_agree(warehouse: duckdb.DuckDBPyConnection) -> None:
    for second in range(3):
        warehouse.execute(
            "INSERT INTO prograde.raw_page_log VALUES ('b', 'r1', ?, ?, 'u')",
            [NOON + timedelta(seconds=second), f"[{second}]"],
        )
    warehouse.execute("SET schema = 'prograde'")

    own = warehouse.execute(sqlglot.transpile(query("raw_pages"), read="bigquery", write="duckdb")[0]).fetchall()

    assert own == [(row["batch_id"], row["raw_id"], row["records"]) for row in select(warehouse, "raw_pages")]


def append(warehouse: duckdb.DuckDBPyConnection, batch: Batch, at: datetime) -> None:
    warehouse.execute(
        "INSERT INTO prograde.batches VALUES (?, ?, ?, ?)",
        [at.astimezone(UTC).replace(tzinfo=None), batch.batch_id, batch.status, BATCH.write(batch)],
    )


def test_a_batch_s_status_is_its_latest(warehouse: duckdb.DuckDBPyConnection) -> None:
    batch = replace(specimens.BATCH, op=None, drained=16, grading_run=0)
    finalizing = settled(batch, NOON)
    complete = finished(finalizing, NOON + timedelta(hours=1), "d" * 64, Totals({"done": 3}, {"A": 3}, 9))
    for state, at in (
        (complete, complete.finished_at),
        (batch, NOON),
        (finalizing, NOON),
        (complete, complete.finished_at),
    ):
        assert at is not None
        append(warehouse, state, at)

    (row,) = select(warehouse, "batch_status")

    expected = {
        "batch_id": batch.batch_id,
        "status": BatchStatus.COMPLETE,
        "since": "2026-11-21 13:00:00.123456",
        "source": "north",
        "reason": None,
        "professionals": "40",
        "as_of": "2026-11-01",
        "grading_run": "1",
        "created_at": "2026-11-21 12:00:00.123456+00",
        "finished_at": "2026-11-21 13:00:00.123456+00",
        "export_digest": "d" * 64,
    }
    assert expected == row


def test_a_pause_that_is_told_of_again_is_as_old_as_it_was(warehouse: duckdb.DuckDBPyConnection) -> None:
    for minutes, epoch in ((0, 1), (5, 3), (6, 3), (7, 3)):
        batch = replace(specimens.BATCH, status=BatchStatus.PAUSED, epoch=epoch)
        append(warehouse, batch, NOON + timedelta(minutes=minutes))

    (row,) = select(warehouse, "batch_status")

    assert ("paused", "2026-11-21 12:05:00.123456") == (row["status"], row["since"])


def test_a_grading_run_has_one_lineage(warehouse: duckdb.DuckDBPyConnection) -> None:
    for run in (1, 1, 2):
        warehouse.execute("INSERT INTO prograde.runs VALUES ('b', ?, ?, 7)", [run, NOON])

    assert ["1", "2"] == sorted(row["grading_run"] or "" for row in select(warehouse, "lineage"))


def test_every_view_is_made_by_terraform() -> None:
    terraform = (ROOT / "infra" / "terraform" / "warehouse.tf").read_text(encoding="utf-8")

    assert all(f'"{view.stem}"' in terraform for view in VIEWS.glob("*.sql"))
