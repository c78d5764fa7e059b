"""Named tasks in one SQLite file, and the verbs with which the dispatcher delivers them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from prograde.adapters.documents import task_kind, write_task
from prograde.adapters.local.bell import Bell
from prograde.adapters.local.sqlite_batch_store import microseconds, moment_of
from prograde.adapters.local.sqlite_file import SqliteFile
from prograde.adapters.task_routes import route_of
from prograde.domain.effects import PageTask, Queue, Task, task_name
from prograde.ports import Clock

NAME_KEPT = timedelta(hours=1)
"""How long a delivered task's name stays taken. Cloud Tasks promises up to 24 hours; nothing here relies on it."""

FORGET_EVERY = timedelta(seconds=60)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    name TEXT PRIMARY KEY, queue TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    step INTEGER NOT NULL, due_at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0, answers INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting'
);
CREATE INDEX IF NOT EXISTS waiting_by_due_at ON tasks (queue, due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS waiting_in_order ON tasks (queue, step DESC, due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS delivered_by_due_at ON tasks (due_at) WHERE state = 'delivered';
"""
_NOT_HELD = (
    " AND kind != 'sounding'"
    " AND (kind != 'page' OR json_extract(body, '$.batch_id') NOT IN (SELECT value FROM json_each(?)))"
)
_INSERT = "INSERT INTO tasks (name, queue, kind, body, step, due_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A task handed to a worker: `deliveries` counts this one, `answers` the earlier ones that were answered."""

    name: str
    queue: Queue
    kind: str
    body: str
    deliveries: int
    answers: int


class SqliteTaskQueue:
    """
    TaskQueue over SQLite.

    A commit outlives a killed process, but after a power cut the newest tasks may be missing: supervise notices
    professionals that stand still and gives them new tasks, so the disk is not made to wait for each.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file = SqliteFile(path, _SCHEMA, is_durable=False)
        self._clock = clock
        self._forget_at = 0
        self.changed = Bell()
        self.watched: Collection[Queue] = frozenset(Queue)
        """Whose new tasks ring `changed`: where every worker is busy, each looks for its next task by itself."""

    def check(self) -> None:
        """Ask whether it answers."""
        self._file.check()

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Add tasks whose names are free."""
        rows = [
            (
                task_name(task),
                route_of(task).queue,
                task_kind(task),
                write_task(task),
                task.step if isinstance(task, PageTask) else 0,
                microseconds(task.due_at),
            )
            for task in tasks
        ]
        # One task, what nearly every delivery leads to, is a transaction of its own without BEGIN and COMMIT.
        lend = self._file.read if len(rows) == 1 else self._file.write
        with lend() as connection:
            connection.executemany(_INSERT, rows)
        if any(row[1] in self.watched for row in rows):
            self.changed.set()

    def pace(self, source: str, share: float) -> None:
        """Do nothing: who waits at the gate costs nothing here, and holds up nobody."""

    def release(self) -> None:
        """Make tasks waiting that a process had in hand when it died; only the owner of the queue may ask."""
        with self._file.write() as connection:
            connection.execute("UPDATE tasks SET state = 'waiting' WHERE state = 'in_hand'")

    def exchange(
        self, finished: Sequence[str], wanted: Mapping[Queue, int], held: Collection[str] = ()
    ) -> list[Delivery]:
        """
        Finish tasks, and take at most as many from each queue as are wanted and due.

        Professionals that are further on come first, then who is due the longest: so that some are finished early
        and the remaining time can be told, instead of everybody being begun before anybody is done.

        One commit for both. A finished task's name stays taken for a while; a taken one counts as delivered once more.
        While batches are `held` their pages stay, and so does every sounding: it must not overtake them.
        """
        taken: list[Delivery] = []
        if not finished and not wanted:
            return taken
        now = microseconds(self._clock.now())
        with self._file.write() as connection:
            for name in finished:
                connection.execute(
                    "UPDATE tasks SET state = 'delivered', body = '', due_at = ? WHERE name = ?", (now, name)
                )
            if now >= self._forget_at:
                self._forget_at = now + FORGET_EVERY // timedelta(microseconds=1)
                kept_from = now - NAME_KEPT // timedelta(microseconds=1)
                connection.execute("DELETE FROM tasks WHERE state = 'delivered' AND due_at < ?", (kept_from,))
            for queue, limit in wanted.items():
                rows = connection.execute(
                    "UPDATE tasks SET state = 'in_hand', deliveries = deliveries + 1 WHERE name IN ("  # noqa: S608  # our own words
                    " SELECT name FROM tasks INDEXED BY waiting_in_order"
                    f" WHERE queue = ? AND state = 'waiting' AND due_at <= ?{_NOT_HELD if held else ''}"
                    " ORDER BY step DESC, due_at LIMIT ?) RETURNING -step, due_at, name, queue, kind, body,"
                    " deliveries, answers",
                    (queue, now, *([orjson.dumps(list(held)).decode()] if held else []), limit),
                ).fetchall()
                # SQLite returns the rows that it updated in no particular order.
                taken += [Delivery(name, Queue(at), *rest) for _, _, name, at, *rest in sorted(rows)]
        return taken

    def put_back(self, name: str, due_at: datetime) -> None:
        """Let a task be delivered again, not before `due_at`: it was answered, in vain."""
        with self._file.write() as connection:
            connection.execute(
                "UPDATE tasks SET state = 'waiting', answers = answers + 1, due_at = ? WHERE name = ?",
                (microseconds(due_at), name),
            )

    def hand_back(self, name: str) -> None:
        """Take a delivery back that did not come to its call: it counts for nothing."""
        with self._file.write() as connection:
            connection.execute(
                "UPDATE tasks SET state = 'waiting', deliveries = deliveries - 1 WHERE name = ?", (name,)
            )

    def next_due_at(self, queues: Iterable[Queue]) -> datetime | None:
        """Tell when the next waiting task of these queues may be delivered."""
        with self._file.read() as connection:
            # One look into the index for each queue: a single min() over both would walk the whole backlog.
            firsts = [
                connection.execute(
                    "SELECT min(due_at) FROM tasks WHERE queue = ? AND state = 'waiting'", (queue,)
                ).fetchone()[0]
                for queue in queues
            ]
        return min((moment_of(first) for first in firsts if first is not None), default=None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
