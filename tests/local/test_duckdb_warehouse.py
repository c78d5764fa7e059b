from contextlib import closing
from pathlib import Path

import pytest

from prograde.adapters.listing_api.client_tables import ClientTable
from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.adapters.local.ndjson_tables import ROW_BYTES_MAX, raw_page_line
from prograde.errors import UnavailableError
from tests.contracts.specimens import BATCH, PROFESSIONAL, counting, raw_page
from tests.contracts.warehouse import SALE, SALE_FIGURES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "warehouse"


@pytest.fixture
def warehouse(folder: Path) -> DuckdbWarehouse:
    return DuckdbWarehouse(folder)


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "raw_pages" / BATCH.batch_id).iterdir())


@pytest.mark.parametrize("cut", [1, 2, 100, 400])
def test_a_torn_line_is_no_row(warehouse: DuckdbWarehouse, folder: Path, cut: int) -> None:
    warehouse.insert_raw_page(raw_page(1, SALE))
    warehouse.insert_raw_page(raw_page(2, SALE))
    (segment,) = segments(folder)
    segment.write_bytes(segment.read_bytes()[: -1 - cut])

    assert 1 == warehouse.reconcile(BATCH, 1).raw_pages


def test_rows_of_earlier_and_later_processes_count_alike(warehouse: DuckdbWarehouse, folder: Path) -> None:
    for step in range(3):
        with closing(DuckdbWarehouse(folder)) as process:
            process.insert_raw_page(raw_page(step, SALE))
    warehouse.load_results(BATCH, [counting(raw_page(0, SALE), SALE_FIGURES)])

    assert 3 == len(segments(folder))
    assert 3 == warehouse.reconcile(BATCH, 1).raw_pages
    assert () == warehouse.reconcile(BATCH, 10).differences


def test_a_load_that_breaks_off_leaves_no_file(warehouse: DuckdbWarehouse, folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        warehouse.load_results(BATCH, (PROFESSIONAL for _ in range(1 // 0)))

    assert [] == [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_may_be_writable_later(warehouse: DuckdbWarehouse, folder: Path) -> None:
    folder.rmdir()
    folder.write_text("in the way", encoding="utf-8")

    with pytest.raises(UnavailableError):
        warehouse.insert_raw_page(raw_page(1))
    with pytest.raises(UnavailableError):
        warehouse.load_results(BATCH, [PROFESSIONAL])


def test_the_largest_answer_that_is_read_makes_a_row_that_can_be_read_again(warehouse: DuckdbWarehouse) -> None:
    largest = ClientTable.model_fields["response_bytes_max"].metadata[1].le
    # Written as JSON, a control character takes six bytes.
    worst = raw_page(1, SALE, body=b"\x01" * largest)
    assert len(raw_page_line(worst)) < ROW_BYTES_MAX
    warehouse.insert_raw_page(worst)
    warehouse.insert_raw_page(raw_page(2, SALE))

    assert 2 == warehouse.reconcile(BATCH, 1).raw_pages
