"""
A strict stand-in for Cloud Tasks on the client library's own messages.

Names block each other long after their task is gone, rates hold, limits are those of the documentation, and workers
are posted to over HTTP with Cloud Tasks' headers and an identity token. What is not stood in for is refused.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self

import grpc
from google.cloud import tasks_v2
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest as Permissions
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsResponse as TestedPermissions
from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty

from tests.emulators.cloud_tasks.delivery import TokenIssuer, deliver, headers_of
from tests.emulators.cloud_tasks.queues import Attempt, TaskQueue
from tests.emulators.faults import permitted
from tests.emulators.grpc_service import GrpcService, Message, Method, RefusalError, invalid, raw

BATCH_MAX = 100
QUEUE_NAME_BLOCKED = timedelta(days=3)
LOOK_EVERY_SECONDS = 0.005
WORKERS = 64

_BatchCreated = raw(tasks_v2.BatchCreateTasksResponse)
_BatchMetadata = raw(tasks_v2.BatchCreateTasksMetadata)
_State = tasks_v2.BatchCreateTasksMetadata.State


class CloudTasksServer:
    """Queues in memory, served as long as the context lasts; tasks go out while `dispatching()`, or when told."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._guard = threading.RLock()
        self._queues: dict[str, TaskQueue] = {}
        self._queues_blocked_until: dict[str, datetime] = {}
        self._operations: dict[str, Message] = {}
        self.denied: set[tuple[str, str]] = set()
        """What is not permitted: a permission, and the end of the name of what it is on."""
        self.polls_until_done = 0
        """How often a batch's operation is asked for before it is done."""
        self.tells_metadata = True
        """Whether a batch's operation says which of its tasks were not created."""
        tasks, longrunning = tasks_v2, operations_pb2
        methods = {
            "CreateQueue": Method(tasks.CreateQueueRequest, tasks.Queue, self._create_queue),
            "GetQueue": Method(tasks.GetQueueRequest, tasks.Queue, lambda request: self._queue(request.name).message),
            "UpdateQueue": Method(tasks.UpdateQueueRequest, tasks.Queue, self._update_queue),
            "DeleteQueue": Method(tasks.DeleteQueueRequest, Empty, self._delete_queue),
            "PauseQueue": Method(tasks.PauseQueueRequest, tasks.Queue, self._set_state(tasks.Queue.State.PAUSED)),
            "ResumeQueue": Method(tasks.ResumeQueueRequest, tasks.Queue, self._set_state(tasks.Queue.State.RUNNING)),
            "PurgeQueue": Method(tasks.PurgeQueueRequest, tasks.Queue, self._purge_queue),
            "TestIamPermissions": Method(Permissions, TestedPermissions, self._test_permissions),
            "CreateTask": Method(tasks.CreateTaskRequest, tasks.Task, self._create_task),
            "BatchCreateTasks": Method(tasks.BatchCreateTasksRequest, longrunning.Operation, self._batch_create),
        }
        operations = {"GetOperation": Method(longrunning.GetOperationRequest, longrunning.Operation, self._operation)}
        self._service = GrpcService(
            {"google.cloud.tasks.v2.CloudTasks": methods, "google.longrunning.Operations": operations}
        )
        self.faults = self._service.faults
        self.target = self._service.target

    def __enter__(self) -> Self:
        self._service.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.stop()

    # --- dispatching

    @cached_property
    def issuer(self) -> TokenIssuer:
        """Make the issuer of identity tokens, and its key, when one is asked for."""
        return TokenIssuer()

    @contextmanager
    def dispatching(self) -> Iterator[None]:
        """Deliver in the background, within the queues' rates."""
        stopping = threading.Event()

        def run() -> None:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="dispatch") as workers:
                while not stopping.wait(LOOK_EVERY_SECONDS):
                    for queue, attempt in self._take():
                        workers.submit(self._deliver, queue, attempt)

        thread = threading.Thread(target=run, name="cloud-tasks")
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def deliver_due(self) -> int:
        """Deliver what is due now, one after the other and whatever the rate; returns how many."""
        attempts = self._take(whatever_the_rate=True)
        for queue, attempt in attempts:
            self._deliver(queue, attempt)
        return len(attempts)

    def waiting(self, queue: str) -> int:
        """Count the tasks of a queue that are not done."""
        with self._guard:
            return len(self._queue(queue).entries)

    def dropped(self, queue: str) -> list[str]:
        """Name the tasks that were given up."""
        with self._guard:
            return list(self._queue(queue).dropped)

    def _take(self, *, whatever_the_rate: bool = False) -> list[tuple[TaskQueue, Attempt]]:
        with self._guard:
            now = self._now()
            return [
                (queue, attempt)
                for queue in self._queues.values()
                for attempt in queue.take(now, whatever_the_rate=whatever_the_rate)
            ]

    def _deliver(self, queue: TaskQueue, attempt: Attempt) -> None:
        answer = deliver(attempt, headers_of(attempt, lambda: self.issuer, self._now()))
        with self._guard:
            queue.finish(attempt.task.name, answer.status, answer.retry_after_seconds, self._now())

    # --- queues

    def _queue(self, name: str) -> TaskQueue:
        if name not in self._queues:
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"Queue does not exist: {name}")
        return self._queues[name]

    def _create_queue(self, request: Message) -> Message:
        with self._guard:
            name = request.queue.name
            if not name.startswith(f"{request.parent}/queues/"):
                raise invalid(f"{name!r} is no queue of {request.parent}")
            if name in self._queues:
                raise RefusalError(grpc.StatusCode.ALREADY_EXISTS, "Queue already exists")
            if self._queues_blocked_until.get(name, self._now()) > self._now():
                raise RefusalError(grpc.StatusCode.FAILED_PRECONDITION, "a queue with this name existed too recently")
            queue = TaskQueue.named(name)
            queue.configure(request.queue, [])
            self._queues[name] = queue
            return queue.message

    def _update_queue(self, request: Message) -> Message:
        with self._guard:
            queue = self._queues.get(request.queue.name) or TaskQueue.named(request.queue.name)
            queue.configure(request.queue, list(request.update_mask.paths))
            # As in the cloud, an update makes a queue that is not there.
            self._queues[request.queue.name] = queue
            return queue.message

    def _delete_queue(self, request: Message) -> Message:
        with self._guard:
            self._queue(request.name)
            del self._queues[request.name]
            self._queues_blocked_until[request.name] = self._now() + QUEUE_NAME_BLOCKED
            return Empty()

    def _purge_queue(self, request: Message) -> Message:
        with self._guard:
            queue = self._queue(request.name)
            for name in list(queue.entries):
                queue.remove(name, self._now())
            return queue.message

    def _test_permissions(self, request: Message) -> Message:
        """As in the cloud, a queue that is not there permits nothing, and is not told to be missing."""
        granted = permitted(self.denied, request.resource, request.permissions)
        return TestedPermissions(permissions=granted if request.resource in self._queues else [])

    def _set_state(self, state: int) -> Callable[[Message], Message]:
        def change(request: Message) -> Message:
            with self._guard:
                queue = self._queue(request.name)
                queue.message.state = state
                return queue.message

        return change

    # --- tasks

    def _create_task(self, request: Message) -> Message:
        with self._guard:
            return self._queue(request.parent).create(request.task, self._now())

    def _batch_create(self, request: Message) -> Message:
        if not 0 < len(request.requests) <= BATCH_MAX:
            raise invalid(f"a batch has between 1 and {BATCH_MAX} requests")
        if any(part.parent != request.parent for part in request.requests):
            raise invalid("all tasks of a batch belong to its queue")
        with self._guard:
            self._queue(request.parent)
            name = f"{request.parent}/operations/{request.request_id or f'unnamed-{len(self._operations)}'}"
            if name not in self._operations:
                self._operations[name] = self._batch_operation(name, request)
            return self._polled(self._operations[name], asked=0)

    def _batch_operation(self, name: str, request: Message) -> Message:
        """Create what can be created; which requests failed stands in the metadata, all failed is an error."""
        metadata, response = _BatchMetadata(state=_State.SUCCEEDED), _BatchCreated()
        for index, part in enumerate(request.requests):
            try:
                self.faults.check("BatchCreateTasks.task", "before")
                response.tasks.append(self._queue(request.parent).create(part.task, self._now()))
            except RefusalError as refusal:
                metadata.failed_requests[index].code = refusal.code.value[0]
                metadata.failed_requests[index].message = refusal.message
                metadata.state = _State.PARTIALLY_SUCCEEDED
        operation = operations_pb2.Operation(name=name, done=True)
        if response.tasks:
            operation.response.Pack(response)
        else:
            metadata.state = _State.FAILED
            operation.error.code = grpc.StatusCode.ABORTED.value[0]
            operation.error.message = "None of the requests succeeded, refer to failed_requests"
        operation.metadata.Pack(metadata)
        return operation

    def _operation(self, request: Message) -> Message:
        with self._guard:
            if request.name not in self._operations:
                raise RefusalError(grpc.StatusCode.NOT_FOUND, f"no operation {request.name}")
            asked = self.faults.calls.get("GetOperation", 0)
            return self._polled(self._operations[request.name], asked)

    def _polled(self, operation: Message, asked: int) -> Message:
        if not self.tells_metadata:
            told = operations_pb2.Operation()
            told.CopyFrom(operation)
            told.ClearField("metadata")
            return told
        if asked >= self.polls_until_done:
            return operation
        return operations_pb2.Operation(
            name=operation.name, metadata=_packed(_BatchMetadata(state=_State.RUNNING)), done=False
        )


def _packed(message: Message) -> Message:
    operation = operations_pb2.Operation()
    operation.metadata.Pack(message)
    return operation.metadata
