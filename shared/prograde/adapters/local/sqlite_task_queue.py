"""Named tasks in one SQLite file, and the verbs with which the dispatcher delivers them."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

import orjson
from gevent.local import local

from prograde.adapters.documents import task_kind, write_task
from prograde.adapters.local.bell import Bell
from prograde.adapters.local.group_commit import GroupCommit
from prograde.adapters.local.sqlite_batch_store import microseconds, moment_of
from prograde.adapters.local.sqlite_file import SqliteFile
from prograde.adapters.task_routes import SOUNDING, route_of
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
    " AND (kind != 'page' OR json_extract(body, '$.batch_id') NOT IN (SELECT value FROM json_each(?)))"
    " AND (kind != 'sounding' OR NOT EXISTS (SELECT 1 FROM tasks AS older INDEXED BY waiting_by_due_at"
    " WHERE older.queue = tasks.queue AND older.state = 'waiting' AND older.kind = 'page'"
    " AND older.due_at <= tasks.due_at))"
)
_INSERT = "INSERT INTO tasks (name, queue, kind, body, step, due_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_INSERT_IN_HAND = (
    "INSERT INTO tasks (name, queue, kind, body, step, due_at, deliveries, state)"
    " VALUES (?, ?, ?, ?, ?, ?, 1, 'in_hand')"
    " ON CONFLICT DO NOTHING"
)
_Row = tuple[str, Queue, str, str, int, int]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A task handed to a worker: `deliveries` counts this one, `answers` the earlier ones that were answered."""

    name: str
    queue: Queue
    kind: str
    body: str
    deliveries: int
    answers: int

    @property
    def batch_id(self) -> str:
        """Name the task's batch; "" for a sounding, which is of none."""
        return str(orjson.loads(self.body).get("batch_id", ""))


InHand = Mapping[str, tuple[Queue, str]]
"""The tasks that workers have, by name: their queue and their batch."""
Bounds = Callable[[InHand], tuple[Mapping[Queue, int], Collection[str]]]
"""By what is in hand: how many more may be, of each queue, and the batches whose pages stay."""


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
        self._settling = _Settling()
        self._exchanges = GroupCommit(self._exchange)
        self._turn = threading.Lock()
        self.in_hand: InHand = {}
        """As of the last commit; soundings are not in it. Replaced whole, so that it may be read at any time."""
        self.changed = Bell()
        self.watched: Collection[Queue] = frozenset(Queue)
        """Whose new tasks ring `changed`: where every worker is busy, each looks for its next task by itself."""

    def check(self) -> None:
        """Ask whether it answers."""
        self._file.check()

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Add tasks whose names are free."""
        rows = [_row(task) for task in tasks]
        if self._settling.rows is not None:
            self._settling.rows += rows
            return
        # One task is a transaction of its own without BEGIN and COMMIT.
        lend = self._file.read if len(rows) == 1 else self._file.write
        with lend() as connection:
            connection.executemany(_INSERT, rows)
        self._ring(rows)

    def _ring(self, rows: Iterable[_Row]) -> None:
        if any(row[1] in self.watched for row in rows):
            self.changed.set()

    @contextmanager
    def settling(self) -> Iterator[None]:
        """
        Keep what this thread, green or not, enqueues until its delivery is settled, and write it in that commit.

        Only for deliveries that lead to the same tasks when they come again: cut off before that commit, they do.
        """
        self._settling.rows = []
        try:
            yield
        finally:
            self._settling.rows = None

    def pace(self, source: str, share: float) -> None:
        """Do nothing: who waits at the gate costs nothing here, and holds up nobody."""

    def release(self) -> None:
        """Make tasks waiting that a process had in hand when it died; only the owner of the queue may ask."""
        with self._turn, self._file.write() as connection:
            connection.execute("UPDATE tasks SET state = 'waiting' WHERE state = 'in_hand'")
            self.in_hand = {}

    def exchange(
        self, finished: Sequence[str], wanted: Mapping[Queue, int], bounds: Bounds | None = None
    ) -> list[Delivery]:
        """
        Finish tasks, and take at most as many from each queue as are wanted and due.

        Professionals that are further on come first, then who is due the longest: so that some are finished early
        and the remaining time can be told, instead of everybody being begun before anybody is done.

        One commit for both. A finished task's name stays taken for a while; a taken one counts as delivered once more.
        The `bounds` are asked for within the commit, which others may share, by what is in hand then. Where they hold a
        batch its pages stay, and so does a sounding that would overtake one.
        """
        rows = self._settling.take()
        if not finished and not wanted and not rows:
            return []
        taken = self._exchanges.write(_Exchange(finished, rows, wanted, bounds))
        if rows and [row[0] for row in rows] != [delivery.name for delivery in taken]:
            self._ring(rows)
        return taken

    def _exchange(self, exchanges: Sequence["_Exchange"]) -> Sequence[list[Delivery]]:
        now = microseconds(self._clock.now())
        with self._turn:
            in_hand = dict(self.in_hand)
            with self._file.write() as connection:
                if now >= self._forget_at:
                    self._forget_at = now + FORGET_EVERY // timedelta(microseconds=1)
                    kept_from = now - NAME_KEPT // timedelta(microseconds=1)
                    connection.execute("DELETE FROM tasks WHERE state = 'delivered' AND due_at < ?", (kept_from,))
                taken = [_exchanged(connection, exchange, in_hand, now) for exchange in exchanges]
            self.in_hand = in_hand
            return taken

    def put_back(self, name: str, due_at: datetime) -> None:
        """Let a task be delivered again, not before `due_at`: it was answered, in vain."""
        self._take_back(name, "answers = answers + 1, due_at = ?", microseconds(due_at))

    def hand_back(self, name: str) -> None:
        """Take a delivery back that did not come to its call: it counts for nothing."""
        self._take_back(name, "deliveries = deliveries - 1")

    def _take_back(self, name: str, change: str, *values: int) -> None:
        """Let a task wait again, once what its delivery has enqueued even so is written."""
        self.exchange((), {})
        with self._turn:
            with self._file.write() as connection:
                connection.execute(f"UPDATE tasks SET state = 'waiting', {change} WHERE name = ?", (*values, name))  # noqa: S608  # our own words
            self.in_hand = {other: task for other, task in self.in_hand.items() if other != name}

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


class _Settling(local):
    """What this thread, green or not, has enqueued in a delivery that is not settled; None outside of one."""

    rows: list[_Row] | None = None

    def take(self) -> list[_Row]:
        """Give what there is, once."""
        taken, self.rows = self.rows or [], None if self.rows is None else []
        return taken


def _row(task: Task) -> _Row:
    return (
        task_name(task),
        route_of(task).queue,
        task_kind(task),
        write_task(task),
        task.step if isinstance(task, PageTask) else 0,
        microseconds(task.due_at),
    )


class _Exchange(NamedTuple):
    finished: Sequence[str]
    rows: Sequence[_Row]
    wanted: Mapping[Queue, int]
    bounds: Bounds | None


def _exchanged(
    connection: Connection, exchange: _Exchange, in_hand: dict[str, tuple[Queue, str]], now: int
) -> list[Delivery]:
    """Do one exchange of a commit, and keep `in_hand` true for the next."""
    finished, rows, wanted, bounds = exchange
    for name in finished:
        connection.execute("UPDATE tasks SET state = 'delivered', body = '', due_at = ? WHERE name = ?", (now, name))
        in_hand.pop(name, None)
    held: Collection[str] = ()
    if bounds is not None:
        room, held = bounds(in_hand)
        wanted = {queue: min(count, room[queue]) for queue, count in wanted.items() if queue in room}
    taken = _next(connection, rows, wanted, held, now)
    in_hand.update({each.name: (each.queue, each.batch_id) for each in taken if each.kind != SOUNDING})
    return taken


def _next(
    connection: Connection, rows: Sequence[_Row], wanted: Mapping[Queue, int], held: Collection[str], now: int
) -> list[Delivery]:
    """Insert what was enqueued, and take what is wanted."""
    taken: list[Delivery] = []
    if wanted == {Queue.PAGES: 1} and len(rows) == 1 and not held:
        taken = _taken_at_once(connection, rows[0], now)
    if not taken:
        connection.executemany(_INSERT, rows)
        taken = _taken(connection, wanted, held, now)
    return taken


def _taken_at_once(connection: Connection, row: _Row, now: int) -> list[Delivery]:
    """Insert a page as one that is in hand, unless another one's turn is before it: half of what is to be written."""
    name, queue, kind, body, step, due_at = row
    first = connection.execute(
        "SELECT step, due_at FROM tasks INDEXED BY waiting_in_order"
        " WHERE queue = ? AND state = 'waiting' AND due_at <= ? ORDER BY step DESC, due_at LIMIT 1",
        (Queue.PAGES, now),
    ).fetchone()
    is_next = queue is Queue.PAGES and due_at <= now and (first is None or (-step, due_at) <= (-first[0], first[1]))
    if not is_next or connection.execute(_INSERT_IN_HAND, row).rowcount == 0:
        return []
    return [Delivery(name, queue, kind, body, 1, 0)]


def _taken(connection: Connection, wanted: Mapping[Queue, int], held: Collection[str], now: int) -> list[Delivery]:
    taken: list[Delivery] = []
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
