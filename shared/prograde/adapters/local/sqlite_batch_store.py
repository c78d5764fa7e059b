"""Batches, counters and professionals in one SQLite file."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from prograde.adapters.documents import BATCH, COUNTER, PROFESSIONAL
from prograde.adapters.local.group_commit import GroupCommit
from prograde.adapters.local.sqlite_file import SqliteFile
from prograde.domain.batch import Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import Professional, State
from prograde.errors import CorruptionError
from prograde.ports import Place

T = TypeVar("T")

# Beside each document stand only the columns that a query selects by.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (batch_id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS unfinished ON batches (created_at)
    WHERE json_extract(document, '$.status') NOT IN ('complete', 'incomplete', 'cancelled');
CREATE TABLE IF NOT EXISTS counters (
    batch_id TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (batch_id, number)
);
CREATE TABLE IF NOT EXISTS professionals (
    batch_id TEXT NOT NULL, professional_id TEXT NOT NULL, state TEXT NOT NULL, due_at INTEGER NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (batch_id, professional_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_by_due_at ON professionals (batch_id, due_at) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS by_state ON professionals (batch_id, state, professional_id);
CREATE INDEX IF NOT EXISTS by_age ON batches (created_at, batch_id);
CREATE TABLE IF NOT EXISTS watermarks (source TEXT PRIMARY KEY, sent_at INTEGER NOT NULL) WITHOUT ROWID;
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS_IN_MEMORY = 500


def microseconds(moment: datetime) -> int:
    """Count the microseconds since 1970: an exact, sortable column."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(count: int) -> datetime:
    """Undo `microseconds`."""
    return _EPOCH + timedelta(microseconds=count)


class SqliteBatchStore:
    """BatchStore over SQLite; transactions are BEGIN IMMEDIATE, so they never conflict."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA, is_durable=True)
        self._transactions: GroupCommit[Callable[[SqliteTransaction], Any], Any] = GroupCommit(self._transact)

    def transact(self, callback: Callable[["SqliteTransaction"], T]) -> T:
        """Run the callback in one transaction, or in one with others' that either all happen or are run alone."""
        result: T = self._transactions.write(callback)
        return result

    def _transact(self, callbacks: Sequence[Callable[["SqliteTransaction"], Any]]) -> Sequence[Any]:
        with self._file.write() as connection:
            return [callback(SqliteTransaction(connection)) for callback in callbacks]

    def create_batch(self, batch: Batch, counters: Sequence[Counter]) -> bool:
        """Create a batch and its counters, unless the id is taken."""

        def create(transaction: SqliteTransaction) -> bool:
            if transaction.batch(batch.batch_id) is not None:
                return False
            transaction.put_batch(batch)
            for counter in counters:
                transaction.put_counter(batch.batch_id, counter)
            return True

        return self.transact(create)

    def create_professionals(self, professionals: Sequence[Professional]) -> None:
        """Create those that do not exist yet."""
        with self._file.write() as connection:
            connection.executemany(
                "INSERT INTO professionals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [_professional_row(professional) for professional in professionals],
            )

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        with self._file.read() as connection:
            return SqliteTransaction(connection).batch(batch_id)

    def batches(self) -> Iterator[Batch]:
        """Read all batches, newest first."""
        with self._file.read() as connection:
            rows = connection.execute("SELECT document FROM batches ORDER BY created_at DESC, batch_id").fetchall()
        return (BATCH.read(row[0]) for row in rows)

    def unfinished(self) -> Iterator[Batch]:
        """Read the batches that are not over; the condition is, word for word, that of their index."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT document FROM batches INDEXED BY unfinished"
                " WHERE json_extract(document, '$.status') NOT IN ('complete', 'incomplete', 'cancelled')"
                " ORDER BY created_at DESC, batch_id"
            ).fetchall()
        return (BATCH.read(row[0]) for row in rows)

    def newest(self, after: Place | None, limit: int) -> tuple[Batch, ...]:
        """Read batches, newest first."""
        where, values = "", []
        if after is not None:
            where, values = "WHERE (created_at, batch_id) < (?, ?)", [microseconds(after.created_at), after.batch_id]
        with self._file.read() as connection:
            rows = connection.execute(
                f"SELECT document FROM batches {where} ORDER BY created_at DESC, batch_id DESC LIMIT ?",  # noqa: S608  # one of two texts above
                (*values, limit),
            ).fetchall()
        return tuple(BATCH.read(row[0]) for row in rows)

    def counters(self, batch_id: str) -> tuple[Counter, ...]:
        """Read a batch's counters."""
        with self._file.read() as connection:
            rows = connection.execute("SELECT document FROM counters WHERE batch_id = ? ORDER BY number", (batch_id,))
            return tuple(COUNTER.read(row[0]) for row in rows)

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        with self._file.read() as connection:
            return SqliteTransaction(connection).professional(batch_id, professional_id)

    def professionals(self, batch_id: str) -> Iterator[Professional]:
        """Stream a batch's professionals by id; SQLite's own text order is that of the code points."""
        after = ""
        while True:
            with self._file.read() as connection:
                rows = connection.execute(
                    "SELECT document FROM professionals WHERE batch_id = ? AND professional_id > ?"
                    " ORDER BY professional_id LIMIT ?",
                    (batch_id, after, _ROWS_IN_MEMORY),
                ).fetchall()
            page = [PROFESSIONAL.read(row[0]) for row in rows]
            yield from page
            if len(page) < _ROWS_IN_MEMORY:
                return
            after = page[-1].professional_id

    def due_before(self, batch_id: str, moment: datetime, limit: int) -> tuple[Professional, ...]:
        """Read open professionals that were due before a moment."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT document FROM professionals WHERE batch_id = ? AND state = 'open' AND due_at < ?"
                " ORDER BY due_at LIMIT ?",
                (batch_id, microseconds(moment), limit),
            )
            return tuple(PROFESSIONAL.read(row[0]) for row in rows)

    def in_state(self, batch_id: str, state: State, after: str, limit: int) -> tuple[Professional, ...]:
        """Read professionals of a state by id."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT document FROM professionals WHERE batch_id = ? AND state = ? AND professional_id > ?"
                " ORDER BY professional_id LIMIT ?",
                (batch_id, state, after, limit),
            )
            return tuple(PROFESSIONAL.read(row[0]) for row in rows)

    def from_id(self, batch_id: str, professional_id: str, limit: int) -> tuple[Professional, ...]:
        """Read professionals from an id on."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT document FROM professionals WHERE batch_id = ? AND professional_id >= ?"
                " ORDER BY professional_id LIMIT ?",
                (batch_id, professional_id, limit),
            ).fetchall()
        return tuple(PROFESSIONAL.read(row[0]) for row in rows)

    def watermark(self, source: str) -> datetime | None:
        """Tell when a source's latest delivered sounding had been sent."""
        with self._file.read() as connection:
            row = connection.execute("SELECT sent_at FROM watermarks WHERE source = ?", (source,)).fetchone()
        return None if row is None else moment_of(row[0])

    def raise_watermark(self, source: str, sent_at: datetime, now: datetime) -> None:
        """Record a delivered sounding."""
        with self._file.write() as connection:
            connection.execute(
                "INSERT INTO watermarks VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET sent_at = excluded.sent_at WHERE excluded.sent_at > sent_at OR sent_at > ?",
                (source, microseconds(sent_at), microseconds(now)),
            )

    def check(self) -> None:
        """Ask whether it answers."""
        self._file.check()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class SqliteTransaction:
    """Transaction over a connection that is inside one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        row = self._connection.execute("SELECT document FROM batches WHERE batch_id = ?", (batch_id,)).fetchone()
        return None if row is None else BATCH.read(row[0])

    def counter(self, batch_id: str, index: int) -> Counter:
        """Read a counter."""
        row = self._connection.execute(
            "SELECT document FROM counters WHERE batch_id = ? AND number = ?", (batch_id, index)
        ).fetchone()
        if row is None:
            raise CorruptionError(f"batch {batch_id} has no counter {index}")
        return COUNTER.read(row[0])

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        row = self._connection.execute(
            "SELECT document FROM professionals WHERE batch_id = ? AND professional_id = ?",
            (batch_id, professional_id),
        ).fetchone()
        return None if row is None else PROFESSIONAL.read(row[0])

    def put_batch(self, batch: Batch) -> None:
        """Write a batch."""
        self._connection.execute(
            "INSERT INTO batches VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
            (batch.batch_id, microseconds(batch.created_at), BATCH.write(batch)),
        )

    def put_counter(self, batch_id: str, counter: Counter) -> None:
        """Write a counter."""
        self._connection.execute(
            "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
            (batch_id, counter.index, COUNTER.write(counter)),
        )

    def put_professional(self, professional: Professional) -> None:
        """Write a professional."""
        self._connection.execute(
            "INSERT INTO professionals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " state = excluded.state, due_at = excluded.due_at, document = excluded.document",
            _professional_row(professional),
        )


def _professional_row(professional: Professional) -> tuple[str, str, str, int, str]:
    return (
        professional.batch_id,
        professional.professional_id,
        professional.state,
        microseconds(professional.due_at),
        PROFESSIONAL.write(professional),
    )
