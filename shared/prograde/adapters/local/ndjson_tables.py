"""The warehouse's tables as NDJSON lines: how they are written, and how DuckDB reads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

import orjson

from prograde.adapters.warehouse_rows import RECORD_COLUMNS, TABLES, Column, raw_page_head
from prograde.domain.listing import Listing, Rejection
from prograde.domain.raw_page import RawPage

ROW_BYTES_MAX = 64 * 1024 * 1024
_TYPES = {
    "STRING": "VARCHAR",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
}
# A record's position is where it stands.
_RECORD_FIELDS = [column.name for column in RECORD_COLUMNS if column.name != "position"]
_BODIES = ("body", "body_base64")
_READ_BYTES = 1024 * 1024
_NOTHING_MORE = (None,) * (len(Listing._fields) - 1)


def raw_page_line(raw_page: RawPage) -> bytes:
    """
    Write a raw row.

    Its records are written by column, `{"key": [...], "status": [...]}`, a column of nothing left out: half the
    bytes and half the time of fifty objects with the same eleven names. The body stands behind them: see
    `write_without_bodies`.
    """
    row = dict(raw_page_head(raw_page))
    bodies = {name: row.pop(name) for name in _BODIES}
    return orjson.dumps({**row, "records": _by_column(raw_page.records), **bodies})


def write_without_bodies(segment: Path, heads: IO[bytes]) -> None:
    """
    Copy a segment's raw rows up to their bodies, which are three quarters of it, and of what it takes to read it.

    They are cut off as bytes: nothing else in a line reads like `,"body":`, because a quote in a text is escaped.
    """
    with segment.open("rb", _READ_BYTES) as lines:
        for line in lines:
            end = line.find(b',"body":')
            if end < 0 or not line.endswith(b"\n"):
                continue  # a torn line, which would be a whole one without its end
            is_last = line.find(b',"records":', 0, end) >= 0
            heads.write(line[:end] + b"}\n" if is_last else line)


def _by_column(records: Sequence[Listing | Rejection]) -> dict[str, Sequence[object]]:
    if Rejection in map(type, records):
        values = [record if isinstance(record, Listing) else (record.key, *_NOTHING_MORE) for record in records]
        reasons = [record.reason if isinstance(record, Rejection) else None for record in records]
        columns = [*zip(*values, strict=True), reasons]
    else:
        columns = [*zip(*cast("Sequence[Listing]", records), strict=True)]
    named = zip((*Listing._fields, "rejection"), columns, strict=False)
    return {name: column for name, column in named if column.count(None) < len(column)}


def scan(table: str, files: Sequence[Path]) -> str:
    """Select a table's columns from its files; a line that cannot be read is no row."""
    columns = TABLES[table]
    if not files:
        nothing = ", ".join(f"NULL::{_duckdb_type(column)} AS {column.name}" for column in columns)
        return f"SELECT {nothing} WHERE FALSE"
    struct = ", ".join(f"{column.name}: '{_written_type(column)}'" for column in columns)
    paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    selected = ", ".join(_read_column(column) for column in columns)
    return (
        f"SELECT {selected} FROM read_json([{paths}], format = 'newline_delimited', columns = {{{struct}}},"  # noqa: S608  # our own names
        f" maximum_object_size = {ROW_BYTES_MAX}, ignore_errors = true)"
        # DuckDB reads a torn line as a row of nothing.
        " WHERE batch_id IS NOT NULL"
    )


def _is_by_column(column: Column) -> bool:
    return column.fields is RECORD_COLUMNS


def _written_type(column: Column) -> str:
    if not _is_by_column(column):
        return _duckdb_type(column)
    return f"STRUCT({', '.join(f'{field.name} {_duckdb_type(field)}[]' for field in column.fields)})"


def _read_column(column: Column) -> str:
    """Read a column as its table says: what was written by column becomes rows again."""
    if not _is_by_column(column):
        return column.name
    fields = ", ".join(f"{column.name}.{name}" for name in _RECORD_FIELDS)
    return f"list_zip(range(len({column.name}.key)), {fields})::{_duckdb_type(column)} AS {column.name}"


def _duckdb_type(column: Column) -> str:
    inner = ", ".join(f"{field.name} {_duckdb_type(field)}" for field in column.fields)
    type_ = f"STRUCT({inner})" if column.fields else _TYPES[column.type]
    return f"{type_}[]" if column.is_repeated else type_
