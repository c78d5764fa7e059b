"""
Delivers local tasks as Cloud Tasks delivers them: HTTP posts to the functions themselves, in this process.

Named tasks that de-duplicate, schedule times, bounded concurrency, at-least-once with back-off, and the headers
that Cloud Tasks sets. The pace is kept in front of the call to the source, where a token is spent only by a
request that leaves.
"""

import gc
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.local.holds import Holds
from prograde.adapters.local.sqlite_task_queue import Delivery, InHand, SqliteTaskQueue
from prograde.adapters.local.wsgi_client import Door
from prograde.adapters.task_routes import ROUTES, SOUNDING
from prograde.domain.effects import Queue
from prograde.ports import Clock

RETRY_SECONDS_BASE = 0.1
RETRY_SECONDS_MAX = 60.0
REFUSALS_WORTH_SAYING = 4
"""Some three seconds: what stays refused needs somebody, a secret that is not there now, say."""
ANSWER_LENGTH_MAX = 300
NAMED_IN_LOG = ("batch_id", "professional_id", "step")
SUPERVISE_SECONDS = 60.0
CONTROL_CONCURRENCY = 1
YOUNG_OBJECTS_MAX = 10_000
"""So many objects may be new before the garbage collector looks at them: those of some twenty pages."""
CONCURRENCY_MAX = 64
"""Pages in hand at once: what a single source file may ask for."""
CONTROL_WORKERS = CONTROL_CONCURRENCY + 1
"""One is for supervise."""
ASK_EVERY = timedelta(milliseconds=100)
LOOK_SECONDS = 1.0
"""What another process does, a pause or a cancel, rings no bell in this one."""

Workers = Mapping[Queue, GreenThreads | ThreadPoolExecutor]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that was delivered in vain: how often since this dispatcher began, and what the last answer was."""

    times: int = 0
    kind: str = ""
    answer: str = ""
    batch_id: str = ""


class Dispatcher:
    """Delivers tasks until told to stop; one per queue file, guarded by the lock on the data directory."""

    def __init__(self, queue: SqliteTaskQueue, functions: Mapping[str, Door], clock: Clock, concurrency: int) -> None:
        self._queue = queue
        self._functions = functions
        self._clock = clock
        self._limits = {Queue.PAGES: concurrency, Queue.CONTROL: CONTROL_CONCURRENCY}
        self._guard = threading.Lock()
        self._shares: Mapping[str, int] = {}
        self._held: list[tuple[Delivery, set[str]]] = []
        self._holds = Holds(clock)
        self._refusals: dict[str, Refusal] = {}
        self._asked_at = clock.now()
        self._supervised_at: datetime | None = None
        self._is_supervising = False
        self._is_ending = False
        self._stopping = threading.Event()
        self._crash: BaseException | None = None

    def run(
        self, is_over: Callable[[], bool], stopping: threading.Event, let_go: Callable[[], None] = lambda: None
    ) -> None:
        """
        Deliver until `is_over()` holds or `stopping` is set, then wait for the deliveries in hand.

        `is_over` is asked when there is nothing to hand out, and every now and then in between; who sets `stopping`
        also sets the queue's `changed`. At the end `let_go` is called, for those who wait in front of a call to give
        up: what is refused from then on goes back as if it had not been delivered. An error that no later delivery
        could mend (the queue's own file fails) ends the run and is raised.
        """
        self._stopping = stopping
        self._queue.release()
        # Pages mostly wait; what computes for long, finalize say, has a thread of its own.
        with _garbage_let_lie(), GreenThreads("pages") as pages, ThreadPoolExecutor(CONTROL_WORKERS) as control:
            workers: Workers = {Queue.PAGES: pages, Queue.CONTROL: control}
            try:
                while not self._turn(workers, is_over):
                    self._queue.changed.wait(self._idle_seconds())
            finally:
                self._is_ending = True
                let_go()
        if self._crash is not None:
            raise self._crash

    def share(self, pages: int, shares: Mapping[str, int]) -> None:
        """Set how many pages may be in hand at once, and of each batch: a slow source must not hold all workers."""
        with self._guard:
            self._limits[Queue.PAGES] = pages
            self._shares = shares

    @property
    def most_refused(self) -> Refusal:
        """Tell of the task that was delivered in vain most often, of those that still are."""
        with self._guard:
            return max(self._refusals.values(), key=lambda refusal: refusal.times, default=Refusal())

    def refusal_of(self, batch_id: str) -> str:
        """Say what a task of the batch is refused with again and again; "" while none is."""
        with self._guard:
            own = [refusal for refusal in self._refusals.values() if refusal.batch_id == batch_id]
        worst = max(own, key=lambda refusal: refusal.times, default=Refusal())
        return worst.answer if worst.times >= REFUSALS_WORTH_SAYING else ""

    def _turn(self, workers: Workers, is_over: Callable[[], bool]) -> bool:
        """Hand out until nothing is due or no worker is free; True when this is the end."""
        while True:
            # First forget what was set, then look: what is set from here on ends the next wait at once.
            self._queue.changed.clear()
            if self._stopping.is_set() or self._crash is not None:
                return True
            self._supervise_when_due(workers)
            handed_out = self._hand_out(workers)
            now = self._clock.now()
            if not handed_out or not timedelta() <= now - self._asked_at < ASK_EVERY:
                self._asked_at = now
                if is_over():
                    return True
            if not handed_out:
                return False

    def _hand_out(self, workers: Workers) -> int:
        """Hand every task that is due to a free worker; returns how many."""
        free = self._watched_free()
        # One at a time, so that nobody takes more than the share.
        wanted = dict.fromkeys(free, 1) if self._shares else free
        deliveries = self._queue.exchange((), wanted, self._bounds)
        for delivery in self._ready(deliveries):
            workers[delivery.queue].submit(self._work, delivery, workers)
        return len(deliveries)

    def _watched_free(self) -> Mapping[Queue, int]:
        """Count each queue's free workers, where there are any: only there must a new task ring."""
        with self._guard:
            self._queue.watched = free = self._free(self._queue.in_hand)
        return free

    def _free(self, in_hand: InHand) -> Mapping[Queue, int]:
        count = Counter(queue for queue, _ in in_hand.values())
        return {queue: limit - count[queue] for queue, limit in self._limits.items() if limit > count[queue]}

    def _bounds(self, in_hand: InHand) -> tuple[Mapping[Queue, int], Collection[str]]:
        return self._free(in_hand), self._kept(in_hand)

    def _kept(self, in_hand: InHand) -> Collection[str]:
        """Name the batches whose pages stay in the queue: the source allows no call, or they have their share."""
        held = self._holds.ends().keys()
        shares = self._shares
        if not shares:
            return held
        count = Counter(batch_id for queue, batch_id in in_hand.values() if queue is Queue.PAGES)
        return held | {batch_id for batch_id, share in shares.items() if count[batch_id] >= share}

    def _ready(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """
        Tell which deliveries may go out, and hold back soundings until all that was handed out before is finished.

        A page that waits for the pace is not standing still, so a sounding must not overtake it.
        """
        ready = []
        with self._guard:
            pages = {name for name, (queue, _) in self._queue.in_hand.items() if queue is Queue.PAGES}
            for delivery in deliveries:
                if delivery.kind == SOUNDING:
                    self._held.append((delivery, pages))
                else:
                    ready.append(delivery)
            held, self._held = self._held, []
            for delivery, earlier in held:
                if earlier & pages:
                    self._held.append((delivery, earlier))
                else:
                    ready.append(delivery)
        self._watched_free()
        return ready

    def _idle_seconds(self) -> float:
        """Sleep until a task is due that a worker is free for; a finished delivery or a new task wakes at once."""
        free = self._watched_free()
        in_hand = self._queue.in_hand
        longest = ASK_EVERY.total_seconds() if in_hand else LOOK_SECONDS
        moments = list(self._holds.ends().values())
        # While some pages stay, the others that fall due are found by looking now and then.
        next_due_at = self._queue.next_due_at({Queue.CONTROL} & free.keys() if self._kept(in_hand) else free)
        if next_due_at is not None:
            moments.append(next_due_at)
        return min([longest, *(max(0.0, (moment - self._clock.now()).total_seconds()) for moment in moments)])

    def _work(self, first: Delivery, workers: Workers) -> None:
        """Deliver, and go on with whatever is due next without waking anybody; ring where there is nothing."""
        delivery: Delivery | None = first
        try:
            while delivery is not None:
                # A page that comes again leads to the same tasks; a seeding step goes on from the next ones.
                with self._queue.settling() if first.queue is Queue.PAGES else nullcontext():
                    delivery = self._next(delivery, self._deliver(delivery), workers)
        except BaseException as error:  # noqa: BLE001  # carried to the dispatching thread, which raises it
            self._crash = error
        finally:
            self._queue.changed.set()

    def _deliver(self, delivery: Delivery) -> Sequence[str]:
        """Post a task to its function; returns what is finished now: its name, or nothing if it has been put back."""
        route = ROUTES[delivery.kind]
        headers = {
            "X-CloudTasks-QueueName": delivery.queue,
            "X-CloudTasks-TaskName": delivery.name,
            "X-CloudTasks-TaskRetryCount": str(delivery.deliveries - 1),
            "X-CloudTasks-TaskExecutionCount": str(delivery.answers),
            # As Cloud Functions sends it; functions-framework would draw one from twelve random letters.
            "Function-Execution-Id": delivery.name[:12],
        }
        response = self._functions[route.function](route.path, delivery.body.encode(), headers)
        if response.status // 100 == 2:  # noqa: PLR2004  # any 2xx acknowledges
            self._forget_refusals(delivery)
            return (delivery.name,)
        if self._is_ending:
            self._queue.hand_back(delivery.name)
        elif response.retry_after is not None:
            self._hold(delivery, response.retry_after)
        else:
            self._put_back(delivery, f"{response.status} {_detail(response.body)}")
        return ()

    def _forget_refusals(self, delivery: Delivery) -> None:
        if self._refusals:
            with self._guard:
                self._refusals.pop(delivery.name, None)

    def _hold(self, delivery: Delivery, seconds: int) -> None:
        """
        Hand back a page whose call the source's limits allow only later, and keep its batch's pages until then.

        Soundings go back, too, that waited for it: they would overtake it.
        """
        self._holds.begin(delivery.batch_id, seconds)
        with self._guard:
            overtaking = [sounding for sounding, earlier in self._held if delivery.name in earlier]
            self._held = [held for held in self._held if held[0] not in overtaking]
        for name in (delivery.name, *(sounding.name for sounding in overtaking)):
            self._queue.hand_back(name)

    def _next(self, done: Delivery, finished: Sequence[str], workers: Workers) -> Delivery | None:
        """Acknowledge what is finished and take another task of the same queue, in one commit."""
        is_last = self._is_ending or self._stopping.is_set() or self._crash is not None
        # A sounding is delivered beside the pages and leaves no worker free.
        wanted = {} if is_last or done.kind == SOUNDING else {done.queue: 1}
        ready = self._ready(self._queue.exchange(finished, wanted, self._bounds))
        if is_last or not ready:
            return None
        for other in ready[1:]:
            workers[other.queue].submit(self._work, other, workers)
        return ready[0]

    def _put_back(self, delivery: Delivery, answer: str) -> None:
        with self._guard:
            times = self._refusals.get(delivery.name, Refusal()).times + 1
            self._refusals[delivery.name] = Refusal(times, delivery.kind, answer, delivery.batch_id)
        # Each time it has been refused twice as often: what goes on for days must not fill the log.
        if times >= REFUSALS_WORTH_SAYING and times.bit_count() == 1:
            task = json.loads(delivery.body)
            facts = {name: task[name] for name in NAMED_IN_LOG if name in task}
            facts |= {"kind": delivery.kind, "times": times, "answer": answer}
            _log.warning("a task is refused again and again", extra=facts)
        wait = min(RETRY_SECONDS_MAX, RETRY_SECONDS_BASE * 2 ** min(times, 20))
        self._queue.put_back(delivery.name, self._clock.now() + timedelta(seconds=wait))

    def _supervise_when_due(self, workers: Workers) -> None:
        now = self._clock.now()
        if self._supervised_at is None:
            self._supervised_at = now
        elif (
            not timedelta() <= now - self._supervised_at < timedelta(seconds=SUPERVISE_SECONDS)
            and not self._is_supervising
        ):
            self._supervised_at = now
            self._is_supervising = True
            workers[Queue.CONTROL].submit(self._supervise)

    def _supervise(self) -> None:
        try:
            # Like Cloud Scheduler's: a supervise that fails is simply followed by the next one.
            self._functions["start_batch"]("/tasks/supervise", b"", {})
        except BaseException as error:  # noqa: BLE001  # as above
            self._crash = error
            self._queue.changed.set()
        finally:
            self._is_supervising = False


@contextmanager
def _garbage_let_lie() -> Iterator[None]:
    """Keep the garbage collector away from what was loaded, and from each page: it leaves next to nothing to find."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _detail(body: bytes) -> str:
    """Give what an answer says is wrong: a problem's detail, else its beginning."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    said = problem["detail"] if isinstance(problem, dict) and "detail" in problem else body.decode(errors="replace")
    return str(said)[:ANSWER_LENGTH_MAX]
