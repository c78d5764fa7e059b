"""
Delivers local tasks as Cloud Tasks delivers them: HTTP posts to the functions' own WSGI apps, in this process.

Named tasks that de-duplicate, schedule times, bounded concurrency, at-least-once with back-off, and the headers
that Cloud Tasks sets. The pace is kept in front of the call to the source, where a token is spent only by a
request that leaves.
"""

import io
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prograde.adapters.local.sqlite_task_queue import Delivery, SqliteTaskQueue
from prograde.domain.effects import Queue
from prograde.ports import Clock

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

RETRY_SECONDS_BASE = 0.1
RETRY_SECONDS_MAX = 60.0
SUPERVISE_SECONDS = 60.0
CONTROL_CONCURRENCY = 1
ASK_EVERY = timedelta(milliseconds=100)
_ROUTES = {
    "page": ("fetch_page", "/"),
    "sounding": ("fetch_page", "/sounding"),
    "seed": ("start_batch", "/tasks/seed"),
    "finalize": ("finalize", "/"),
}


@dataclass(frozen=True, slots=True)
class Response:
    """What a function answered."""

    status: int
    body: bytes


class Dispatcher:
    """Delivers tasks until told to stop; one per queue file, guarded by the lock on the data directory."""

    def __init__(
        self, queue: SqliteTaskQueue, functions: Mapping[str, WsgiApp], clock: Clock, concurrency: int
    ) -> None:
        self._queue = queue
        self._functions = functions
        self._clock = clock
        self._limits = {Queue.PAGES: concurrency, Queue.CONTROL: CONTROL_CONCURRENCY}
        self._in_hand = dict.fromkeys(Queue, 0)
        self._guard = threading.Lock()
        self._finished: list[str] = []
        self._supervised_at: datetime | None = None
        self._handed_out = 0
        self._asked_at = clock.now()
        self._crash: BaseException | None = None
        self._stopping = threading.Event()

    def run(self, is_over: Callable[[], bool], stopping: threading.Event) -> None:
        """
        Deliver until `is_over()` holds or `stopping` is set, then wait for the deliveries in hand.

        `is_over` is asked when there is nothing to hand out, and every now and then in between; who sets `stopping`
        also sets the queue's `changed`. An error that no later delivery could mend (the queue's own file fails) ends
        the run and is raised.
        """
        self._stopping = stopping
        self._queue.release()
        with ThreadPoolExecutor(sum(self._limits.values()) + 1, thread_name_prefix="delivery") as workers:
            while self._goes_on(is_over, stopping):
                self._supervise_when_due(workers)
                self._handed_out = self._hand_out(workers)
                if not self._handed_out:
                    self._queue.changed.wait(self._idle_seconds())
        if self._crash is not None:
            raise self._crash
        self._queue.exchange(self._finished, {})

    def _goes_on(self, is_over: Callable[[], bool], stopping: threading.Event) -> bool:
        # First forget what was set, then look: what is set from here on ends the next wait at once.
        self._queue.changed.clear()
        if stopping.is_set() or self._crash is not None:
            return False
        now = self._clock.now()
        if self._handed_out and timedelta() <= now - self._asked_at < ASK_EVERY:
            return True
        self._asked_at = now
        return not is_over()

    def _hand_out(self, workers: ThreadPoolExecutor) -> int:
        """Acknowledge what is finished and hand every task that is due to a free worker; returns how many."""
        with self._guard:
            finished, self._finished = self._finished, []
            wanted = {queue: limit - self._in_hand[queue] for queue, limit in self._limits.items()}
        # In one commit for many: a lost acknowledgement is only a duplicate delivery, which is harmless.
        deliveries = self._queue.exchange(finished, {queue: free for queue, free in wanted.items() if free})
        with self._guard:
            for delivery in deliveries:
                self._in_hand[delivery.queue] += 1
        for delivery in deliveries:
            workers.submit(self._deliver, delivery)
        return len(deliveries)

    def _idle_seconds(self) -> float:
        """Sleep until a task is due that a worker is free for; a finished delivery or a new task wakes at once."""
        with self._guard:
            free = [queue for queue, limit in self._limits.items() if self._in_hand[queue] < limit]
        next_due_at = self._queue.next_due_at(free)
        if next_due_at is None:
            return SUPERVISE_SECONDS
        return min(SUPERVISE_SECONDS, max(0.0, (next_due_at - self._clock.now()).total_seconds()))

    def _deliver(self, delivery: Delivery) -> None:
        try:
            function, path = _ROUTES[delivery.kind]
            headers = {
                "X-CloudTasks-QueueName": delivery.queue,
                "X-CloudTasks-TaskName": delivery.name,
                "X-CloudTasks-TaskRetryCount": str(delivery.deliveries - 1),
            }
            response = post(self._functions[function], path, delivery.body.encode(), headers)
            if response.status // 100 == 2:  # noqa: PLR2004  # any 2xx acknowledges
                with self._guard:
                    self._finished.append(delivery.name)
            elif self._stopping.is_set():
                self._queue.hand_back(delivery.name)
            else:
                wait = min(RETRY_SECONDS_MAX, RETRY_SECONDS_BASE * 2 ** min(delivery.deliveries, 20))
                error = f"{response.status} {response.body[:300].decode(errors='replace')}"
                self._queue.put_back(delivery.name, self._clock.now() + timedelta(seconds=wait), error)
        except BaseException as error:  # noqa: BLE001  # carried to the dispatching thread, which raises it
            self._crash = error
        finally:
            with self._guard:
                self._in_hand[delivery.queue] -= 1
            self._queue.changed.set()

    def _supervise_when_due(self, workers: ThreadPoolExecutor) -> None:
        now = self._clock.now()
        if self._supervised_at is None:
            self._supervised_at = now
        elif not timedelta() <= now - self._supervised_at < timedelta(seconds=SUPERVISE_SECONDS):
            self._supervised_at = now
            workers.submit(self._supervise)

    def _supervise(self) -> None:
        # Like Cloud Scheduler's: a supervise that is answered with an error is simply followed by the next one.
        try:
            post(self._functions["start_batch"], "/tasks/supervise", b"", {})
        except BaseException as error:  # noqa: BLE001  # carried to the dispatching thread, which raises it
            self._crash = error
            self._queue.changed.set()


def post(app: WsgiApp, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Post to a WSGI app in this process, without a socket."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": "localhost",
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()},
    }
    statuses: list[str] = []

    def start_response(status: str, _headers: object, _exception: object = None) -> Callable[[bytes], None]:
        statuses.append(status)
        return lambda _: None

    chunks = app(environ, start_response)
    try:
        content = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return Response(int(statuses[-1].split(" ", 1)[0]), content)
