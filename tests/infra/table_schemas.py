"""The warehouse's tables in BigQuery's schema files: `make schemas` writes them from the code's own TABLES."""

import json
from collections.abc import Sequence

from prograde.adapters.warehouse_rows import TABLES, Column
from tests.house.checkout import ROOT

FOLDER = ROOT / "infra" / "terraform" / "schemas"


def schema_text(columns: Sequence[Column]) -> str:
    """Write a table's schema, spelt as BigQuery's API answers it, so that no plan shows a difference."""
    return json.dumps([_field(column) for column in columns], indent=2) + "\n"


def _field(column: Column) -> dict[str, object]:
    mode = "REPEATED" if column.is_repeated else "NULLABLE"
    field: dict[str, object] = {"name": column.name, "type": column.type, "mode": mode}
    if column.fields:
        field["fields"] = [_field(inner) for inner in column.fields]
    return field


if __name__ == "__main__":
    for table, columns in TABLES.items():
        (FOLDER / f"{table}.json").write_text(schema_text(columns), encoding="utf-8")
