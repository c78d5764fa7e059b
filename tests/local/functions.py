"""Functions for the dispatcher to deliver to."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, cast

from prograde.adapters.local.dispatcher import Dispatcher
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.adapters.local.wsgi_client import post
from prograde.adapters.waiting import apart
from prograde.ports import Clock

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a function was posted."""

    path: str
    body: bytes
    queue: str
    task: str
    retries: int
    answers: int
    at: float


@dataclass(slots=True)
class Function:
    """A WSGI app that remembers what it was posted, and answers what `answer` says; a 429 names a wait."""

    answer: Callable[[Request], int] = field(default=lambda _: 200)
    retry_after: int = 0
    requests: list[Request] = field(default_factory=list)
    in_hand: int = 0
    in_hand_max: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert "POST" == environ["REQUEST_METHOD"]
        request = Request(
            path=environ["PATH_INFO"],
            body=cast("BinaryIO", environ["wsgi.input"]).read(int(environ["CONTENT_LENGTH"])),
            queue=environ.get("HTTP_X_CLOUDTASKS_QUEUENAME", ""),
            task=environ.get("HTTP_X_CLOUDTASKS_TASKNAME", ""),
            retries=int(environ.get("HTTP_X_CLOUDTASKS_TASKRETRYCOUNT", "-1")),
            answers=int(environ.get("HTTP_X_CLOUDTASKS_TASKEXECUTIONCOUNT", "-1")),
            at=time.monotonic(),
        )
        with self._guard:
            self.requests.append(request)
            self.in_hand += 1
            self.in_hand_max = max(self.in_hand_max, self.in_hand)
        try:
            # It may block, as no function does.
            status = apart(partial(self.answer, request))
        finally:
            with self._guard:
                self.in_hand -= 1
        headers = [("Content-Type", "text/plain")]
        if status == 429:
            headers.append(("Retry-After", str(self.retry_after)))
        start_response(f"{status} Whatever", headers)
        return [b"the ", b"answer"]


def dispatching(
    queue: SqliteTaskQueue, clock: Clock, functions: Mapping[str, Function], concurrency: int = 4
) -> Dispatcher:
    """Build a dispatcher over these functions; those not given answer 200."""
    doors = {name: partial(post, functions.get(name, Function())) for name in ("start_batch", "fetch_page", "finalize")}
    return Dispatcher(queue, doors, clock, concurrency)


def waiting(queue: SqliteTaskQueue) -> int:
    """Count what is not acknowledged."""
    with queue._file.read() as connection:
        row = connection.execute("SELECT count(*) FROM tasks WHERE state != 'delivered'").fetchone()
    return int(row[0])


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.005)


@contextmanager
def running(dispatcher: Dispatcher, queue: SqliteTaskQueue) -> Iterator[None]:
    """Run a dispatcher beside the test, and stop it; what it raised is raised here."""
    stopping = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            dispatcher.run(lambda: False, stopping)
        except BaseException as error:  # noqa: BLE001  # carried to the test's thread
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        queue.changed.set()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    if raised:
        raise raised[0]
