"""One SQLite file, shared by the threads of a process; its errors end here."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from prograde.errors import CorruptionError, ProgradeError, UnavailableError

BUSY_TIMEOUT_SECONDS = 30.0


class SqliteFile:
    """
    A connection that threads take in turns: SQLite has one writer anyway, and waiting for a lock beats polling.

    Write-ahead logging, so that `prograde status` reads beside a running batch. `is_durable` syncs every commit to
    the disk; without it a commit outlives a killed process, though not a power cut.
    """

    def __init__(self, path: Path, schema: str, *, is_durable: bool) -> None:
        self._turn = threading.RLock()
        with mapped_errors():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            self._connection.executescript(schema)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for single statements."""
        try:
            with self._turn:
                yield self._connection
        except sqlite3.Error as error:
            _raise_mapped(error)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: committed at the end, rolled back on any exception."""
        try:
            with self._turn:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    # SQLite has rolled back by itself after some errors (a full disk, an I/O error).
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            _raise_mapped(error)

    def check(self) -> None:
        """Ask whether the file can be read and written; raises UnavailableError or CorruptionError."""
        with self.write() as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._connection.close()


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        _raise_mapped(error)


def _raise_mapped(error: sqlite3.Error) -> NoReturn:
    mapped = mapped_error(error)
    if mapped is None:
        raise error
    raise mapped from error


def mapped_error(error: sqlite3.Error) -> ProgradeError | None:
    """
    Tell what one of SQLite's errors means: a lock, a full disk or an I/O error may pass; a damaged file does not.

    None for a mistake of ours, a wrong statement or misuse of the library, which stays what it is.
    """
    match error:
        case sqlite3.OperationalError() if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            return None
        case sqlite3.OperationalError():
            return UnavailableError(f"SQLite: {error}")
        case sqlite3.ProgrammingError() | sqlite3.InterfaceError() | sqlite3.NotSupportedError():
            return None
        case _:
            return CorruptionError(f"SQLite: {error}")
