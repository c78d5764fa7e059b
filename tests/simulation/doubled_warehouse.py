"""A warehouse in memory whose every answer must be what DuckDB answers over the same rows."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.domain.batch import Batch
from prograde.domain.professional import Professional
from prograde.domain.raw_page import RawPage
from prograde.ports import GradedRow, RankedRow, Reconciliation
from tests.simulation.memory_warehouse import MemoryWarehouse


class DoubledWarehouse(MemoryWarehouse):
    """MemoryWarehouse beside a DuckdbWarehouse; only rows that are seen late may make them differ."""

    def __init__(self, duckdb: DuckdbWarehouse, *values: Any) -> None:  # noqa: ANN401  # as the other takes them
        super().__init__(*values)
        self._duckdb = duckdb

    @override
    def insert_raw_page(self, raw_page: RawPage) -> None:
        super().insert_raw_page(raw_page)
        self._duckdb.insert_raw_page(raw_page)

    @override
    def load_results(self, batch: Batch, professionals: Iterable[Professional]) -> int:
        everybody = list(professionals)
        assert self._duckdb.load_results(batch, everybody) == len(everybody)
        return super().load_results(batch, everybody)

    @override
    def load_grades(self, batch: Batch, rows: Iterable[GradedRow]) -> int:
        graded = list(rows)
        assert self._duckdb.load_grades(batch, graded) == len(graded)
        return super().load_grades(batch, graded)

    @override
    def reconcile(self, batch: Batch, limit: int) -> Reconciliation:
        reconciliation = super().reconcile(batch, limit)
        if not reconciliation.missing_raw_ids:
            assert self._duckdb.reconcile(batch, limit).differences == reconciliation.differences
        return reconciliation

    @override
    def ranked(self, batch: Batch) -> Iterator[RankedRow]:
        rows = list(super().ranked(batch))
        assert list(self._duckdb.ranked(batch)) == rows
        return iter(rows)


@contextmanager
def doubled(folder: Path) -> Iterator[Callable[..., DoubledWarehouse]]:
    """Lend a kind of warehouse, each one over a folder of its own."""
    with ExitStack() as open_files:
        number = 0

        def warehouse(*values: Any) -> DoubledWarehouse:  # noqa: ANN401  # as the other takes them
            nonlocal number
            number += 1
            duckdb = open_files.enter_context(closing(DuckdbWarehouse(folder / str(number))))
            return DoubledWarehouse(duckdb, *values)

        yield warehouse
