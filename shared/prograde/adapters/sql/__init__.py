"""The warehouse's queries, written once in BigQuery's dialect."""

from importlib.resources import files


def query(name: str) -> str:
    """Read the query in `NAME.sql`."""
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
