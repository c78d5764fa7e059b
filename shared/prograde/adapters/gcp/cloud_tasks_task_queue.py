"""Named tasks in Cloud Tasks."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as PollingTimeoutError
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose
from random import SystemRandom

from google.api_core.exceptions import (
    AlreadyExists,
    DeadlineExceeded,
    Forbidden,
    GoogleAPICallError,
    MethodNotImplemented,
    NotFound,
    from_grpc_status,
)
from google.api_core.future.polling import DEFAULT_POLLING
from google.cloud.tasks_v2 import CloudTasksClient, CreateTaskRequest, HttpMethod, HttpRequest, OidcToken, RateLimits
from google.cloud.tasks_v2 import Queue as CloudQueue
from google.cloud.tasks_v2 import Task as CloudTask
from google.protobuf.field_mask_pb2 import FieldMask

from prograde.adapters.documents import write_task
from prograde.adapters.gcp.error_mapping import mapped_errors, ours, provided_by
from prograde.adapters.task_routes import route_of
from prograde.domain.effects import PageTask, SoundingTask, Task, task_name
from prograde.errors import Problem, SettingsError, UnavailableError
from prograde.ports import Clock

BATCH_MAX = 100
ATTEMPTS_MAX = 6
BACKOFF_SECONDS_BASE = 0.1
BACKOFF_SECONDS_MAX = 3.0
CALL_SECONDS_MAX = 20.0
BATCH_SECONDS_MAX = 60.0
DISPATCH_DEADLINE = timedelta(minutes=30)
"""The longest there is: a function's own time limit answers earlier, and nothing is sent again while it works."""
PAGE_DELIVERY_MAX = timedelta(minutes=8)
"""The time limit of fetch-page: whatever was delivered to it before is over."""
SCHEDULED_AHEAD_MAX = timedelta(days=29)
"""Cloud Tasks takes 30 at most; what is due later is delivered early, and whoever takes it postpones it again."""
_UNPOLLABLE = (Forbidden, NotFound, MethodNotImplemented)
_SERVICE = "Cloud Tasks"
_POLLING = DEFAULT_POLLING.with_delay(initial=0.2, maximum=2.0)

_RATE = "rate_limits.max_dispatches_per_second"
_SAME_RATE = 0.01
"""How far a queue's rate may be from what it should be: a rate that rises is not written for every hair's breadth."""

_Failure = tuple[CreateTaskRequest, GoogleAPICallError]


@dataclass(frozen=True, slots=True)
class PageQueue:
    """The queue of a source: its full name, and its declared rate."""

    path: str
    tasks_per_second: float


@dataclass(frozen=True, slots=True)
class Destinations:
    """
    Where tasks go.

    The control queue by its full name, the page queues by source; `source_of` tells whose a page is.
    `function_urls` are the functions' base URLs and the audiences of the tokens, whose identity is `caller`, a
    service account's e-mail.
    """

    control_queue: str
    page_queues: Mapping[str, PageQueue]
    source_of: Callable[[PageTask], str]
    function_urls: Mapping[str, str]
    caller: str


class CloudTasksTaskQueue:
    """
    TaskQueue over Cloud Tasks.

    The client tries no creation again; here it is tried again, which is safe because every task has a name.
    """

    def __init__(self, client: CloudTasksClient, destinations: Destinations, clock: Clock) -> None:
        self._client = client
        self._destinations = destinations
        self._clock = clock
        self._jitter = SystemRandom()

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Create tasks whose names are free."""
        by_queue: dict[str, dict[str, CreateTaskRequest]] = {}
        for task in tasks:
            request = self._request(task)
            by_queue.setdefault(request.parent, {}).setdefault(request.task.name, request)
        with mapped_errors(_SERVICE):
            for named in by_queue.values():
                self._create_all(list(named.values()))

    def post(self, function: str, path: str, name: str, body: str) -> None:
        """Create a task of the control queue that is none of a batch's, to be sent now."""
        request = self._creation(self._destinations.control_queue, name, function, path, body, self._clock.now())
        with mapped_errors(_SERVICE):
            self._create_all([request])

    def pace(self, source: str, share: float) -> None:
        """Set the queue's rate, unless that is what it is."""
        queue = self._page_queue(source)
        limits = RateLimits(max_dispatches_per_second=queue.tasks_per_second * share)
        with mapped_errors(_SERVICE):
            # An update makes a queue that is not there: reading it tells.
            stored = self._client.get_queue(name=queue.path, timeout=CALL_SECONDS_MAX).rate_limits
            now, wanted = stored.max_dispatches_per_second, limits.max_dispatches_per_second
            if not isclose(now, wanted, rel_tol=_SAME_RATE):
                self._client.update_queue(
                    queue=CloudQueue(name=queue.path, rate_limits=limits),
                    update_mask=FieldMask(paths=[_RATE]),
                    timeout=CALL_SECONDS_MAX,
                )

    def check(self) -> None:
        """Ask for every queue."""
        pages = (queue.path for queue in self._destinations.page_queues.values())
        with mapped_errors(_SERVICE):
            for path in (self._destinations.control_queue, *pages):
                self._client.get_queue(name=path, timeout=CALL_SECONDS_MAX)

    def _create_all(self, requests: list[CreateTaskRequest]) -> None:
        """Create tasks of one queue, those that failed for a passing reason again, with jittered pauses."""
        failed: list[_Failure] = []
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                bound = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_BASE * 2.0**attempt)
                self._clock.sleep(self._jitter.uniform(0, bound))
            parts = [requests[start : start + BATCH_MAX] for start in range(0, len(requests), BATCH_MAX)]
            failed = [failure for part in parts for failure in self._create(part)]
            if not failed:
                return
            requests = [request for request, _ in failed]
        error = failed[0][1]
        what = f"{_SERVICE}: {len(failed)} tasks were not created: {error}{provided_by(_SERVICE, error)}"
        raise UnavailableError(what) from error

    def _create(self, requests: list[CreateTaskRequest]) -> list[_Failure]:
        """Create up to a hundred tasks, and tell which failed for a passing reason."""
        try:
            errors = self._create_batch(requests) if len(requests) > 1 else self._create_each(requests)
        except GoogleAPICallError as error:
            errors = dict.fromkeys(range(len(requests)), error)
        # Somebody created that task already, or an earlier try of ours whose answer was lost did.
        errors = {index: why for index, why in errors.items() if not isinstance(why, AlreadyExists)}
        for why in errors.values():
            if ours(type(why)) is not UnavailableError:
                raise why
        return [(requests[index], why) for index, why in errors.items()]

    def _create_batch(self, requests: list[CreateTaskRequest]) -> dict[int, GoogleAPICallError]:
        """Create many tasks, and tell by their index why some were not; others may be there all the same."""
        operation = self._client.batch_create_tasks(
            parent=requests[0].parent, requests=requests, timeout=CALL_SECONDS_MAX
        )
        try:
            operation.result(timeout=BATCH_SECONDS_MAX, polling=_POLLING)
        except PollingTimeoutError as error:
            raise DeadlineExceeded(f"a batch of tasks took more than {BATCH_SECONDS_MAX} s") from error
        except GoogleAPICallError as error:
            if isinstance(error, _UNPOLLABLE) and not operation.operation.done:
                # Google names no permission for asking after a batch: where that is refused, the names will tell.
                return self._create_each(requests)
            # An error of the whole says only that no single one succeeded; each has its own.
            if operation.metadata is not None and not operation.metadata.failed_requests:
                raise
        if operation.metadata is None:
            return self._create_each(requests)
        return {
            index: from_grpc_status(status.code, status.message)
            for index, status in operation.metadata.failed_requests.items()
        }

    def _create_each(self, requests: list[CreateTaskRequest]) -> dict[int, GoogleAPICallError]:
        """Create tasks one by one up to the first that fails; the rest fail with it."""
        for index, request in enumerate(requests):
            try:
                self._client.create_task(request=request, timeout=CALL_SECONDS_MAX)
            except AlreadyExists:
                continue
            except GoogleAPICallError as error:
                return dict.fromkeys(range(index, len(requests)), error)
        return {}

    def _request(self, task: Task) -> CreateTaskRequest:
        route = route_of(task)
        return self._creation(
            self._queue(task), task_name(task), route.function, route.path, write_task(task), task.due_at
        )

    def _creation(
        self, queue: str, name: str, function: str, path: str, body: str, due_at: datetime
    ) -> CreateTaskRequest:
        base = self._destinations.function_urls[function]
        request = HttpRequest(
            http_method=HttpMethod.POST,
            url=base.rstrip("/") + path,
            headers={"Content-Type": "application/json"},
            body=body.encode(),
            oidc_token=OidcToken(service_account_email=self._destinations.caller, audience=base),
        )
        return CreateTaskRequest(
            parent=queue,
            task=CloudTask(
                name=f"{queue}/tasks/{name}",
                http_request=request,
                schedule_time=min(due_at, self._clock.now() + SCHEDULED_AHEAD_MAX),
                dispatch_deadline=DISPATCH_DEADLINE,
            ),
        )

    def _queue(self, task: Task) -> str:
        """Tell a task's queue, by its full name."""
        match task:
            case PageTask():
                return self._page_queue(self._destinations.source_of(task)).path
            case SoundingTask():
                return self._page_queue(task.source).path
            case _:
                return self._destinations.control_queue

    def _page_queue(self, source: str) -> PageQueue:
        queue = self._destinations.page_queues.get(source)
        if queue is None:
            remedy = "has no queue: name it in the variable sources of infra/terraform, and apply it"
            raise SettingsError([Problem("PROGRADE_QUEUES", source, remedy)])
        return queue
