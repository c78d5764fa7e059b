"""Delivers tasks as Cloud Tasks does, at its worst: late, twice, out of order, again and again, or not at all."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import flask

from prograde.adapters.local.wsgi_client import InProcessCallers, Response, post
from prograde.adapters.task_routes import ROUTES
from prograde.bootstrap.hosted import EXTENSION, Hosted
from prograde.domain.effects import FinalizeTask, Queue
from tests.simulation.chance import Fault
from tests.simulation.memory_task_queue import Entry
from tests.simulation.processes import Process
from tests.simulation.world import World

RETRY_SECONDS_BASE = 0.1
RETRY_SECONDS_MAX = 60.0
DEADLINES_SECONDS = (30.0, 120.0, 600.0)
RATES = (20.0, 2.0, 0.1)
"""Page tasks a second: at the slowest a backlog is older than what supervise takes for standing still."""
ATTEMPTS_MAX = (3, 8, 20)
LATE_SECONDS = (60.0, 600.0, 20_000.0)
ANSWERS = (200, 429, 503)
"""A task is done, or to be tried again: any other answer would be a task that should not have been."""


@dataclass(slots=True)
class Attempt:
    """One delivery of a task; `is_over` when the queue has made up its mind about it."""

    entry: Entry
    process: Process
    response: Response | None = None
    is_over: bool = False


class Deliverer:
    """Takes what is due from the queue to the functions, in some process."""

    def __init__(self, world: World, functions: Mapping[str, flask.Flask]) -> None:
        dice = world.chance.dice
        self._world = world
        self._functions = functions
        self._in_hand: Counter[Queue] = Counter()
        self._free_at: dict[Queue, float] = dict.fromkeys(Queue, 0.0)
        self._seconds_a_task = {Queue.PAGES: 1.0 / dice.choice(RATES), Queue.CONTROL: 0.0}
        self._limits = {Queue.PAGES: dice.choice([1, 2, 8]), Queue.CONTROL: dice.choice([1, 1, 4])}
        self._deadline = dice.choice(DEADLINES_SECONDS)
        self._attempts_max = dice.choice(ATTEMPTS_MAX) if world.chance.has(Fault.GIVEN_UP) else None
        self._is_furthest_first = dice.random() < 0.5
        # Who waits for the deadline learns of a death after supervise has given the page another name.
        self._is_death_told = not world.chance.has(Fault.POISON) or dice.random() < 0.5
        self._numbers: Counter[str] = Counter()
        self._copies = 0
        self._finalized: list[Entry] = []
        self._processes = [self._new_process() for _ in range(dice.choice([1, 2, 4]))]
        world.queue.added = self._plan

    @property
    def seconds_a_page(self) -> float:
        """How long the page queue takes between two tasks."""
        return self._seconds_a_task[Queue.PAGES]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits, nothing is in hand and nothing will come again."""
        return not self._world.queue.waiting and not self._in_hand.total() and not self._copies

    def process(self) -> Process:
        """Give some process; a dead one has been replaced."""
        return self._world.chance.dice.choice(self._processes)

    def _new_process(self) -> Process:
        self._numbers["process"] += 1
        return Process(self._world, f"p{self._numbers['process']}")

    def replan(self) -> None:
        """Look at everything that waits: the clock has jumped."""
        for entry in self._world.queue.waiting.values():
            self._plan(entry)

    def _plan(self, entry: Entry) -> None:
        # A microsecond late: no sum of seconds comes out quite as it should.
        self._world.scheduler.after(max(0.0, entry.due - self._world.clock) + 1e-6, lambda: self._pump(entry.queue))

    def _pump(self, queue: Queue) -> None:
        """Hand out one task if the pace and the hands allow, and come back for the next."""
        world = self._world
        due = world.queue.due(queue)
        if not due or self._in_hand[queue] >= self._limits[queue]:
            return
        wait = self._free_at[queue] - world.scheduler.now
        if wait > 0:
            world.scheduler.after(wait, lambda: self._pump(queue))
            return
        if self._is_furthest_first:
            due.sort(key=lambda entry: -entry.step)
        entry = due[0]
        if len(due) > 1 and world.chance.strikes(Fault.REORDERED):
            entry = world.chance.dice.choice(due)
        if world.chance.strikes(Fault.DELAYED):
            entry.due += world.chance.dice.uniform(30.0, 600.0)
            self._plan(entry)
        else:
            self._free_at[queue] = world.scheduler.now + self._seconds_a_task[queue]
            del world.queue.waiting[entry.name]
            self._deliver(entry)
        world.scheduler.after(self._seconds_a_task[queue], lambda: self._pump(queue))

    def _deliver(self, entry: Entry) -> None:
        chance, scheduler = self._world.chance, self._world.scheduler
        if isinstance(entry.task, FinalizeTask):
            self._finalized.append(entry)
        attempt = self._begin(entry)
        self._in_hand[entry.queue] += 1
        scheduler.after(self._deadline, lambda: self._unanswered(attempt))
        # Control tasks are few: they are repeated more often, or hardly ever.
        tries = 1 if entry.queue is Queue.PAGES else 3
        if any(chance.strikes(Fault.DUPLICATE) for _ in range(tries)):
            self._repeat(entry, chance.dice.choice([0.1, 1.0]) * chance.dice.random())
        if any(chance.strikes(Fault.LATE_DUPLICATE) for _ in range(tries)):
            self._repeat(entry, chance.dice.choice(LATE_SECONDS) * chance.dice.random())

    def echo(self) -> None:
        """Deliver old finalize tasks once more, just now: a replay has opened the batch again."""
        chance = self._world.chance
        for entry in self._finalized if chance.has(Fault.LATE_DUPLICATE) else ():
            for seconds in (0.5, 5.0):
                chance.saw(Fault.LATE_DUPLICATE)
                self._repeat(entry, chance.dice.expovariate(1.0 / seconds))

    def _repeat(self, entry: Entry, seconds: float) -> None:
        """Deliver a task once more after some time."""
        self._copies += 1

        def begin() -> None:
            self._copies -= 1
            self._begin(entry, is_copy=True)

        self._world.scheduler.after(seconds, begin)

    def _begin(self, entry: Entry, *, is_copy: bool = False) -> Attempt:
        """Post a task to its function; what becomes of a copy is nobody's business."""
        attempt = Attempt(entry, self.process(), is_over=is_copy)
        headers = {
            "X-CloudTasks-QueueName": entry.queue,
            "X-CloudTasks-TaskName": entry.name,
            "X-CloudTasks-TaskRetryCount": str(entry.retries),
            "X-CloudTasks-TaskExecutionCount": str(entry.answers),
        }
        deaths = entry.retries - entry.answers

        def work() -> None:
            self._world.auditor.delivered(entry.task, deaths)
            attempt.response = self.post(attempt.process, entry.kind, entry.body, headers)

        name = f"{entry.kind} {entry.label}{' again' if is_copy else ''}"
        attempt.process.begin(name, work, lambda: self._ended(attempt))
        return attempt

    def post(self, process: Process, kind: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Post to a function as it runs in a process."""
        route = ROUTES[kind]
        return self._post(process, route.function, route.path, body, headers)

    def supervise(self, process: Process) -> None:
        """Post what a scheduler posts each minute."""
        self._post(process, "start_batch", "/tasks/supervise", b"", {})

    def _post(self, process: Process, function: str, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        app = self._functions[function]
        # Read at the beginning of the request, before the first turn of anybody else.
        app.extensions[EXTENSION] = Hosted(process.services, InProcessCallers())
        response = post(app, path, body, headers)
        self._world.note(f"answers {response.status}")
        if response.status not in ANSWERS:
            self._world.violated(
                f"{function} answers {response.status}: {response.body.decode(errors='replace')[:500]}"
            )
        return response

    def _ended(self, attempt: Attempt) -> None:
        entry, chance = attempt.entry, self._world.chance
        if attempt.response is None:
            if self._is_death_told:
                self._world.scheduler.after(chance.dice.uniform(0.0, 5.0), lambda: self._unanswered(attempt))
        elif not attempt.is_over and attempt.response.status // 100 == 2 and chance.strikes(Fault.LOST_ACK):
            self._unanswered(attempt)
        elif not attempt.is_over:
            self._settle(attempt)
            if attempt.response.status // 100 == 2:
                self._world.queue.finish(entry)
            else:
                entry.answers += 1
                self._again(entry)

    def _unanswered(self, attempt: Attempt) -> None:
        """Nobody answered in time: the attempt is lost, though its work may go on."""
        if not attempt.is_over:
            self._settle(attempt)
            self._again(attempt.entry)

    def _settle(self, attempt: Attempt) -> None:
        queue = attempt.entry.queue
        attempt.is_over = True
        self._in_hand[queue] -= 1
        self._world.scheduler.after(0.0, lambda: self._pump(queue))

    def _again(self, entry: Entry) -> None:
        entry.retries += 1
        if self._attempts_max is not None and entry.retries >= self._attempts_max and not self._world.chance.is_healed:
            self._world.chance.saw(Fault.GIVEN_UP)
            self._world.note(f"{entry.kind} {entry.label} is given up")
            self._world.queue.finish(entry)
            return
        entry.due = self._world.clock + min(RETRY_SECONDS_MAX, RETRY_SECONDS_BASE * 2 ** min(entry.retries, 20))
        self._world.queue.waiting[entry.name] = entry
        self._plan(entry)
