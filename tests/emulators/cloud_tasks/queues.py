"""One queue: names that de-duplicate, a token bucket, bounded concurrency, retries that back off."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
from google.cloud.tasks_v2.types import Queue, RateLimits, RetryConfig
from google.protobuf.duration_pb2 import Duration

from tests.emulators.cloud_tasks.task_rules import check_task
from tests.emulators.grpc_service import Message, RefusalError, invalid, raw

NAME_BLOCKED = timedelta(hours=24)
RATE_MAX = 500.0
CONCURRENCY_MAX = 5_000

QueueMessage = raw(Queue)
_DEFAULTS = QueueMessage(
    rate_limits=raw(RateLimits)(max_dispatches_per_second=RATE_MAX, max_concurrent_dispatches=1_000),
    retry_config=raw(RetryConfig)(
        max_attempts=100,
        min_backoff=Duration(nanos=100_000_000),
        max_backoff=Duration(seconds=3_600),
        max_doublings=16,
    ),
    state=Queue.State.RUNNING,
)


@dataclass(slots=True)
class Entry:
    """A task in the queue, and what became of its attempts so far."""

    task: Message
    due_at: datetime
    is_in_hand: bool = False
    dispatches: int = 0
    executions: int = 0
    first_at: datetime | None = None
    previous_response: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A task on its way to its worker; the counts are those before this attempt."""

    task: Message
    retry_count: int
    execution_count: int
    eta: datetime
    previous_response: int | None


@dataclass(slots=True)
class TaskQueue:
    """A queue at the moments that it is told."""

    message: Message
    entries: dict[str, Entry] = field(default_factory=dict)
    blocked_until: dict[str, datetime] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    created: int = 0
    tokens: float = 0.0
    refilled_at: datetime | None = None

    @classmethod
    def named(cls, name: str) -> "TaskQueue":
        """Make a queue with Cloud Tasks' defaults."""
        message = QueueMessage(name=name)
        message.MergeFrom(_DEFAULTS)
        return cls(message)

    def configure(self, changed: Message, paths: list[str]) -> None:
        """Take over the named fields of a changed queue; all that are set if none is named."""
        for path in paths or [descriptor.name for descriptor, _ in changed.ListFields()]:
            part, _, leaf = path.partition(".")
            if part not in {"name", "rate_limits", "retry_config"} or "max_burst_size" in leaf:
                raise invalid(f"{path} cannot be changed here")
            if leaf:
                setattr(getattr(self.message, part), leaf, getattr(getattr(changed, part), leaf))
            elif part != "name":
                getattr(self.message, part).MergeFrom(getattr(changed, part))
        limits = self.message.rate_limits
        if not 0 < limits.max_dispatches_per_second <= RATE_MAX:
            raise invalid("max_dispatches_per_second must be above 0 and at most 500")
        if not 0 < limits.max_concurrent_dispatches <= CONCURRENCY_MAX:
            raise invalid("max_concurrent_dispatches must be between 1 and 5000")
        # Output only: Cloud Tasks chooses it, at least the rate.
        limits.max_burst_size = max(1, math.ceil(limits.max_dispatches_per_second))

    def create(self, task: Message, now: datetime) -> Message:
        """Add a task whose name is free: no task has it, nor had it within the last hours."""
        check_task(self.message.name, task, now)
        self.created += 1
        name = task.name or f"{self.message.name}/tasks/{self.created:020}"
        if name in self.entries or self.blocked_until.get(name, now) > now:
            raise RefusalError(grpc.StatusCode.ALREADY_EXISTS, "Requested entity already exists")
        stored = type(task)()
        stored.CopyFrom(task)
        stored.name = name
        stored.create_time.FromDatetime(now)
        if not stored.HasField("schedule_time"):
            stored.schedule_time.FromDatetime(now)
        self.entries[name] = Entry(stored, stored.schedule_time.ToDatetime(UTC))
        return stored

    def take(self, now: datetime, *, whatever_the_rate: bool = False) -> list[Attempt]:
        """Hand out what is due, the longest first, as far as rate, concurrency and a pause allow."""
        self._refill(now)
        if self.message.state != Queue.State.RUNNING:
            return []
        in_hand = sum(entry.is_in_hand for entry in self.entries.values())
        free = self.message.rate_limits.max_concurrent_dispatches - in_hand
        due = [entry for entry in self.entries.values() if not entry.is_in_hand and entry.due_at <= now]
        due.sort(key=lambda entry: entry.due_at)
        if not whatever_the_rate:
            due = due[: min(free, int(self.tokens))]
            self.tokens -= len(due)
        return [self._attempt(entry, now) for entry in due]

    def finish(self, name: str, status: int | None, retry_after_seconds: float, now: datetime) -> None:
        """Take a worker's answer, None for none: the task is done, or due again, or given up."""
        entry = self.entries.get(name)
        if entry is None:
            return  # the queue was purged meanwhile
        entry.is_in_hand = False
        entry.previous_response = status
        # "Excludes 5XX": what never reached the worker's code is no execution.
        entry.executions += status is not None and status < 500
        if status is not None and 200 <= status < 300:
            self.remove(name, now)
        elif self._is_exhausted(entry, now):
            self.dropped.append(name)
            self.remove(name, now)
        else:
            entry.due_at = now + timedelta(seconds=max(self.backoff_seconds(entry.dispatches), retry_after_seconds))

    def remove(self, name: str, now: datetime) -> None:
        """Forget a task, but not yet its name."""
        del self.entries[name]
        self.blocked_until[name] = now + NAME_BLOCKED

    def backoff_seconds(self, failures: int) -> float:
        """Double the pause so many times, then add the last doubling again and again."""
        retry = self.message.retry_config
        base = retry.min_backoff.ToTimedelta().total_seconds()
        doublings = min(failures - 1, retry.max_doublings)
        pause = base * 2.0**doublings * (1 + max(0, failures - 1 - retry.max_doublings))
        return float(min(pause, retry.max_backoff.ToTimedelta().total_seconds()))

    def _attempt(self, entry: Entry, now: datetime) -> Attempt:
        attempt = Attempt(entry.task, entry.dispatches, entry.executions, entry.due_at, entry.previous_response)
        entry.is_in_hand = True
        entry.dispatches += 1
        entry.first_at = entry.first_at or now
        return attempt

    def _is_exhausted(self, entry: Entry, now: datetime) -> bool:
        """Only when both bounds are reached is a task given up."""
        retry = self.message.retry_config
        duration = retry.max_retry_duration.ToTimedelta()
        is_tried_often = 0 <= retry.max_attempts <= entry.dispatches
        return bool(is_tried_often and now - (entry.first_at or now) >= duration)

    def _refill(self, now: datetime) -> None:
        limits = self.message.rate_limits
        burst = float(limits.max_burst_size or math.ceil(limits.max_dispatches_per_second))
        if self.refilled_at is None:
            self.tokens = burst
        else:
            passed = max(0.0, (now - self.refilled_at).total_seconds())
            self.tokens = min(burst, self.tokens + passed * limits.max_dispatches_per_second)
        self.refilled_at = now
