"""Named tasks in a dictionary, with the two sides of a queue: who adds, and who takes and answers."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typing_extensions import override

from prograde.adapters.documents import task_kind, write_task
from prograde.domain.effects import FinalizeTask, PageTask, Queue, SeedTask, SoundingTask, Task, WakeTask, task_name
from prograde.ports import TaskQueue
from tests.simulation.virtual_time import seconds_of

NAME_KEPT_SECONDS = 86_400.0


@dataclass(slots=True)
class Entry:
    """A task as the queue holds it: `retries` counts its deliveries but the first, `answers` those answered."""

    name: str
    task: Task
    queue: Queue
    kind: str
    body: bytes
    due: float
    retries: int = 0
    answers: int = 0

    @property
    def step(self) -> int:
        """The step of a page task."""
        return self.task.step if isinstance(self.task, PageTask) else 0

    @property
    def label(self) -> str:
        """Which task it is, for people."""
        match self.task:
            case PageTask():
                return f"{self.task.professional_id}/{self.task.step}.{self.task.wake}"
            case SoundingTask():
                return f"{seconds_of(self.task.sent_at):.0f}"
            case WakeTask():
                return f"{self.task.epoch}.{self.task.turn}"
            case SeedTask() | FinalizeTask():
                return f".{self.task.wake}"


class MemoryTaskQueue(TaskQueue):
    """TaskQueue; `added` is told of each new entry."""

    def __init__(self, now: Callable[[], float], name_kept: float = NAME_KEPT_SECONDS) -> None:
        self.added: Callable[[Entry], None] = lambda _: None
        self.forgot: Callable[[], None] = lambda: None
        self._now = now
        self._name_kept = name_kept
        self._known_until: dict[str, float] = {}
        self._guard = threading.Lock()
        self.waiting: dict[str, Entry] = {}

    @override
    def enqueue(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self.add(task)

    def add(self, task: Task, *, is_lost: bool = False) -> bool:
        """Add a task unless its name is known; a lost one is only known."""
        name = task_name(task)
        with self._guard:
            if name in self.waiting or (name in self._known_until and self._known_until[name] > self._now()):
                return False
            if name in self._known_until:
                self.forgot()
            self._known_until[name] = self._now() + self._name_kept
            if is_lost:
                return True
            queue = Queue.PAGES if isinstance(task, PageTask | SoundingTask) else Queue.CONTROL
            entry = Entry(name, task, queue, task_kind(task), write_task(task).encode(), seconds_of(task.due_at))
            self.waiting[name] = entry
        self.added(entry)
        return True

    @override
    def check(self) -> None:
        """Do nothing: memory always answers."""

    @override
    def pace(self, source: str, share: float) -> None:
        """Do nothing: how quickly tasks come is the deliverer's."""

    def due(self, queue: Queue) -> list[Entry]:
        """List what is due, the longest first; who takes an entry to deliver it removes it from `waiting`."""
        now = self._now()
        due = [entry for entry in self.waiting.values() if entry.queue is queue and entry.due <= now]
        return sorted(due, key=lambda entry: entry.due)

    def finish(self, entry: Entry) -> None:
        """Forget a task that is over, but not its name."""
        self.waiting.pop(entry.name, None)
        self._known_until[entry.name] = self._now() + self._name_kept
