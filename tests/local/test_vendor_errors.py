"""No vendor's error leaves an adapter: each class is one of ours, or a mistake of ours that stays what it is."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from prograde.adapters.local.duckdb_warehouse import mapped_duckdb_error, mapped_duckdb_errors
from prograde.adapters.local.file_blob_store import FileBlobStore
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore
from prograde.adapters.local.sqlite_file import SqliteFile, mapped_error
from prograde.errors import CorruptionError, ProgradeError, UnavailableError
from tests.contracts.specimens import BATCH

SQLITE = {
    UnavailableError: {"OperationalError"},
    CorruptionError: {"DataError", "DatabaseError", "Error", "IntegrityError", "InternalError"},
    None: {"InterfaceError", "NotSupportedError", "ProgrammingError"},
}
DUCKDB = {
    UnavailableError: {
        "ConnectionException",
        "FatalException",
        "HTTPException",
        "IOException",
        "InternalError",
        "InternalException",
        "InterruptException",
        "OperationalError",
        "OutOfMemoryException",
        "ResourceInUseException",
        "SerializationException",
        "TransactionException",
    },
    CorruptionError: {"ConversionException", "DataError", "OutOfRangeException", "TypeMismatchException"},
    None: {
        "BinderException",
        "CatalogException",
        "ConstraintException",
        "DatabaseError",
        "DependencyException",
        "Error",
        "IntegrityError",
        "InvalidInputException",
        "InvalidTypeException",
        "NotImplementedException",
        "NotSupportedError",
        "ParserException",
        "PermissionException",
        "ProgrammingError",
        "SequenceException",
        "SyntaxException",
    },
}


def classes(error: type[Exception]) -> Iterator[type[Exception]]:
    yield error
    for subclass in error.__subclasses__():
        yield from classes(subclass)


def sorted_out(
    vendor: type[Exception], mapped: Callable[..., ProgradeError | None]
) -> dict[type[ProgradeError] | None, set[str]]:
    found: dict[type[ProgradeError] | None, set[str]] = {}
    for error in classes(vendor):
        ours = mapped(error("a detail"))
        found.setdefault(None if ours is None else type(ours), set()).add(error.__name__)
    return found


def test_every_error_of_sqlite_has_its_meaning() -> None:
    assert SQLITE == sorted_out(sqlite3.Error, mapped_error)


def test_every_error_of_duckdb_has_its_meaning() -> None:
    assert DUCKDB == sorted_out(duckdb.Error, mapped_duckdb_error)


def test_a_wrong_query_stays_what_it_is() -> None:
    with pytest.raises(duckdb.CatalogException), mapped_duckdb_errors(), duckdb.connect() as connection:
        connection.execute("SELECT * FROM nowhere")


def test_a_wrong_statement_stays_what_it_is(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "file", "", is_durable=True)

    with pytest.raises(sqlite3.OperationalError, match="no such table") as raised, file.read() as connection:
        connection.execute("SELECT * FROM nowhere")

    assert raised.value.__cause__ is None


def test_a_file_that_is_no_database_is_corruption(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"no database at all" * 100)

    with pytest.raises(CorruptionError, match="not a database"):
        SqliteBatchStore(tmp_path / "state")


def test_a_folder_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="unable to open"):
        SqliteBatchStore(tmp_path / "nothing" / "state")


def test_a_full_disk_may_pass_and_changes_nothing(tmp_path: Path) -> None:
    store = SqliteBatchStore(tmp_path / "state")
    store.create_batch(BATCH, ())
    with store._file.read() as connection:
        connection.execute("PRAGMA max_page_count = 1")
    big = replace(BATCH, reason="x" * 1_000_000)

    with pytest.raises(UnavailableError, match="full"):
        store.transact(lambda transaction: transaction.put_batch(big))

    assert BATCH == store.batch(BATCH.batch_id)


def test_a_blob_s_name_never_leaves_the_folder(tmp_path: Path) -> None:
    blobs = FileBlobStore(tmp_path / "blobs")

    for name in ("../outside", "/etc/hostname", "a/../../outside"):
        with pytest.raises(CorruptionError, match="leaves the folder"):
            blobs.read(name)


def test_what_fails_while_an_export_is_written_may_pass(tmp_path: Path) -> None:
    blobs = FileBlobStore(tmp_path)

    with pytest.raises(UnavailableError), blobs.staging() as folder:
        (folder / "no such folder" / "graded.csv").write_text("", encoding="utf-8")
