from dataclasses import replace
from pathlib import Path

import duckdb
import orjson
import pytest

from prograde.adapters.local.ndjson_tables import raw_page_line, scan, write_without_bodies
from prograde.adapters.warehouse_rows import RECORD_COLUMNS, raw_page_row
from prograde.domain.listing import Listing, Rejection
from prograde.domain.raw_page import RawPage
from tests.contracts.specimens import AWKWARD, raw_page
from tests.contracts.warehouse import SALE


def read_back(tmp_path: Path, *pages: RawPage) -> list[list[dict[str, object]]]:
    """Give each page's records as a query sees them."""
    file = tmp_path / "000001.ndjson"
    file.write_bytes(b"".join(raw_page_line(page) + b"\n" for page in pages))
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(f"SELECT records FROM ({scan('raw_page_log', [file])}) ORDER BY step").fetchall()
    return [records or [] for (records,) in rows]


def as_written_in_rows(*records: Listing | Rejection) -> list[dict[str, object]]:
    nothing = dict.fromkeys(column.name for column in RECORD_COLUMNS)
    rows = orjson.loads(orjson.dumps(raw_page_row(raw_page(1, *records))["records"]))
    return [nothing | row for row in rows]


def shown(records: list[dict[str, object]]) -> list[dict[str, object]]:
    """Write dates as JSON does."""
    return [
        {name: str(value) if name == "close_date" and value else value for name, value in record.items()}
        for record in records
    ]


def test_records_written_by_column_are_read_as_rows(tmp_path: Path) -> None:
    bare = SALE._replace(key=AWKWARD, is_sale=False, close_date=None, list_agent=None, list_price_cents=None)
    pages = [(SALE, Rejection("", "status: missing"), bare), (), (Rejection(AWKWARD, AWKWARD),), (bare, SALE)]

    found = read_back(tmp_path, *(raw_page(step, *records) for step, records in enumerate(pages)))

    assert [as_written_in_rows(*records) for records in pages] == [shown(records) for records in found]


@pytest.mark.parametrize("body", [b'{"a":1,"body":"x","records":{}}', b"", b"\xff", b'\\","body":"\\'], ids=repr)
def test_without_their_bodies_raw_rows_are_the_same(tmp_path: Path, body: bytes) -> None:
    whole, heads = tmp_path / "whole.ndjson", tmp_path / "heads.ndjson"
    page = replace(raw_page(3, SALE, Rejection(AWKWARD, ',"body":'), body=body), detail=f'{AWKWARD},"body":')
    whole.write_bytes(raw_page_line(page) + b"\n" + raw_page_line(raw_page(4)) + b"\n")

    with heads.open("wb") as file:
        write_without_bodies(whole, file)

    kept = [orjson.loads(line) for line in heads.read_bytes().splitlines()]
    rows = [orjson.loads(line) for line in whole.read_bytes().splitlines()]
    assert [{name: row[name] for name in row if name not in ("body", "body_base64")} for row in rows] == kept


def test_a_torn_line_stays_torn_without_its_body(tmp_path: Path) -> None:
    torn, heads = tmp_path / "torn.ndjson", tmp_path / "heads.ndjson"
    line = raw_page_line(raw_page(3, SALE, body=b"x" * 100))
    torn.write_bytes(line + b"\n" + line[:-50])

    with heads.open("wb") as file:
        write_without_bodies(torn, file)

    assert 1 == heads.read_bytes().count(b"\n")
    assert heads.read_bytes().endswith(b"\n")
