"""One machine: SQLite, NDJSON with DuckDB, and files."""
