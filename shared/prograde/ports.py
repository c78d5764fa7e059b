"""
The roles that use cases speak to; each adapter passes the contract tests of its role.

Adapters raise errors of `prograde.errors` only: UnavailableError when a later try may succeed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from prograde.domain.batch import Batch, Parameters
from prograde.domain.counter import Counter
from prograde.domain.effects import Task
from prograde.domain.listing import Listing, Rejection
from prograde.domain.outcome import Answered
from prograde.domain.professional import Professional, Stage, State
from prograde.domain.raw_page import Exchange, RawPage

T = TypeVar("T")

WRITTEN_MAX = 20
"""Professionals that one transaction may write: the largest is some 450 kB, and a commit to Firestore has 10 MiB."""


class Clock(Protocol):
    """Time, so that a run can be replayed."""

    def now(self) -> datetime:
        """Tell the time, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Transaction(Protocol):
    """
    A view of the store in which everything read and written is one atomic step.

    Read before you write: no read may follow a write. Writes at most WRITTEN_MAX professionals.
    """

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        ...

    def counter(self, batch_id: str, index: int) -> Counter:
        """Read a counter; raises CorruptionError when there is none."""
        ...

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        ...

    def put_batch(self, batch: Batch) -> None:
        """Write a batch."""
        ...

    def put_counter(self, batch_id: str, counter: Counter) -> None:
        """Write a counter."""
        ...

    def put_professional(self, professional: Professional) -> None:
        """Write a professional."""
        ...


class BatchStore(Protocol):
    """Batches, counters and professionals: the state of the protocol, read uncached."""

    def transact(self, callback: Callable[[Transaction], T]) -> T:
        """
        Run the callback serialisably and commit what it wrote, then return what it returned.

        The callback may run several times (a conflict), so it has no effects of its own; an exception from it
        rolls back and passes through.
        """
        ...

    def create_batch(self, batch: Batch, counters: Sequence[Counter]) -> bool:
        """Create a batch and its counters in one step; False, and nothing changed, if the id is taken."""
        ...

    def create_professionals(self, professionals: Sequence[Professional]) -> None:
        """Create each professional that does not exist yet; the others keep their progress. At most 500 at once."""
        ...

    def batch(self, batch_id: str) -> Batch | None:
        """Read a batch."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Read all batches, newest first."""
        ...

    def unfinished(self) -> Iterator[Batch]:
        """Read the batches that are not over, newest first, however many are."""
        ...

    def newest(self, after: "Place | None", limit: int) -> tuple[Batch, ...]:
        """Read at most `limit` batches, newest first (ties by id, descending), those that follow `after`."""
        ...

    def counters(self, batch_id: str) -> tuple[Counter, ...]:
        """Read a batch's counters, in order of their index."""
        ...

    def professional(self, batch_id: str, professional_id: str) -> Professional | None:
        """Read a professional."""
        ...

    def professionals(self, batch_id: str) -> Iterator[Professional]:
        """Stream a batch's professionals in order of their id (by code point), a bounded number in memory."""
        ...

    def due_before(self, batch_id: str, moment: datetime, limit: int) -> tuple[Professional, ...]:
        """Read at most `limit` professionals that are not final and were due before `moment`, the longest first."""
        ...

    def in_state(self, batch_id: str, state: State, after: str, limit: int) -> tuple[Professional, ...]:
        """Read at most `limit` professionals of a state whose id follows `after`, in order of their id."""
        ...

    def from_id(self, batch_id: str, professional_id: str, limit: int) -> tuple[Professional, ...]:
        """Read at most `limit` professionals in order of their id, from this id on."""
        ...

    def watermark(self, source: str) -> datetime | None:
        """Tell when the latest sounding of a source that was delivered had been sent."""
        ...

    def raise_watermark(self, source: str, sent_at: datetime, now: datetime) -> None:
        """Record a delivered sounding; an older one changes nothing, but for what lies ahead of now."""
        ...

    def check(self) -> None:
        """Ask whether it answers; raises UnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands among the newest."""

    created_at: datetime
    batch_id: str


class TaskQueue(Protocol):
    """At-least-once delivery of named tasks, each not before its `due_at`."""

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Add tasks, all durable on return; one whose name is known, or was within the last hours, adds nothing."""
        ...

    def pace(self, source: str, share: float) -> None:
        """
        Send a source's page tasks at about a share, in (0, 1], of their declared rate, and lose none.

        The gate in front of the calls is exact; this keeps tasks from waiting there.
        """
        ...

    def check(self) -> None:
        """Ask whether it answers; raises UnavailableError."""
        ...


class Warehouse(Protocol):
    """Raw rows, results, grades and lineage; appended, never changed, read through views that de-duplicate."""

    def insert_raw_page(self, raw_page: RawPage) -> None:
        """Keep one raw row, durable on return; the same raw_id again is the same row."""
        ...

    def attempts(self, batch_id: str, professional_id: str) -> tuple["Attempt", ...]:
        """Read the raw rows of one professional in the order of their steps, bodies cut to ATTEMPT_BODY_MAX."""
        ...

    def load_results(self, batch: Batch, professionals: Iterable[Professional]) -> int:
        """Load one row a professional for this grading run, replacing an earlier try's; returns how many."""
        ...

    def reconcile(self, batch: Batch, limit: int) -> "Reconciliation":
        """Recompute every aggregate of this grading run from the raw rows that its ledgers name, as far as seen."""
        ...

    def load_grades(self, batch: Batch, rows: Iterable["GradedRow"]) -> int:
        """Load one row a professional for this grading run, replacing an earlier try's; returns how many."""
        ...

    def ranked(self, batch: Batch) -> Iterator["RankedRow"]:
        """Stream this grading run's professionals in the export's order: graded by rank, then the others by id."""
        ...

    def append_batch(self, batch: Batch, at: datetime) -> None:
        """Append a batch's status, for the view that the operations team reads."""
        ...

    def append_run(self, run: "Run") -> None:
        """Append a finished grading run's lineage."""
        ...

    def check(self) -> None:
        """Ask whether it answers; raises UnavailableError."""
        ...


ATTEMPT_BODY_MAX = 2_000
"""Characters of an answer that are shown as evidence; the raw row has all of it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One call for a professional, as its raw row tells it; `status` is 0 where no answer came.

    `detail` says why it brought no page.

    An `agent_key` that is not the professional's own is that of somebody who was asked for as a proof that the source
    is well: such an answer is never counted. `records` are the listings of its page, as they were parsed.
    """

    raw_id: str
    step: int
    stage: str
    page: int
    outcome: str
    detail: str
    sent_at: datetime
    latency_ms: float
    url: str
    status: int
    body: str
    agent_key: str
    records: tuple[Listing | Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """
    A grading run beside its raw rows.

    `raw_pages` counts the batch's raw rows, each once, that a query can see; `missing_raw_ids` are those that a ledger
    counts and no query can see (yet); `differences` are figures that the raw rows do not bear out. The latter two
    name at most as many as were asked for.
    """

    raw_pages: int
    missing_raw_ids: tuple[str, ...]
    differences: tuple["Difference", ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A professional whose stored aggregate is not what the raw rows say."""

    professional_id: str
    field: str
    stored: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class GradedRow:
    """A professional's grade in one grading run; no tier (-1) for one that ended ungraded."""

    professional_id: str
    grade: str
    tier: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A line of the export: rank None for one that ended ungraded."""

    rank: int | None
    grade: str
    reasons: tuple[str, ...]
    professional: Professional


@dataclass(frozen=True, slots=True)
class Run:
    """The lineage of one grading run."""

    batch_id: str
    grading_run: int
    source: str
    source_sha256: str
    roster_sha256: str
    parameters: Parameters
    code_version: str
    started_at: datetime
    finished_at: datetime
    professionals: int
    raw_pages: int
    calls: int
    differences: int
    export_prefix: str
    export_digest: str


class BlobStore(Protocol):
    """Files: rosters, source snapshots and published exports. Names are slash-separated and made by us."""

    def put(self, name: str, content: BinaryIO) -> None:
        """Store a blob if the name is free, whole or not at all; if it is taken, nothing changes."""
        ...

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Read a blob, or `length` bytes of it from `offset`; raises NotFoundError."""
        ...

    def staging(self) -> AbstractContextManager[Path]:
        """Lend an empty local folder, gone afterwards, in which to prepare what `publish` takes."""
        ...

    def publish(self, prefix: str, folder: Path) -> str:
        """
        Publish the folder's files under the prefix in one move, "manifest.json" being the proof that all are there.

        A prefix that is published already stays as it is. Returns where people find it.
        """
        ...

    def check(self) -> None:
        """Ask whether there is a place for everything that is put and published; raises UnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What is asked of a source: one page of one stage."""

    professional_id: str
    agent_key: str
    stage: Stage
    page: int
    cursor: str | None
    parameters: Parameters


class ListingSource(Protocol):
    """A listing API."""

    def fetch(self, request: PageRequest, share: float = 1.0) -> tuple[Answered, Exchange]:
        """
        Make exactly one call, within the source's rate limits and at `share` of their rate, and sort the answer.

        Whatever the API does is an outcome, within bounded time and memory. Raises only InterruptedCallError, when
        the call was not made, and UnavailableError, when the rate limits cannot be kept because of trouble of ours.
        """
        ...


class RateGate(Protocol):
    """What stands in front of every call to a source: the place where its rate limits hold."""

    def pass_one(self, share: float = 1.0) -> datetime:
        """
        Wait until one more call keeps every declared window, and return the recorded send time.

        A share below 1 spreads the calls evenly at that share of the quickest window's rate.
        Raises InterruptedCallError when the process is shutting down, or when that would take too long.
        """
        ...


class SourceCatalog(Protocol):
    """The source files that batches may name."""

    def names(self) -> tuple[str, ...]:
        """Tell the names of the sources there are, in their order."""
        ...

    def text(self, name: str) -> str:
        """Read a source file; raises NotFoundError naming the sources there are."""
        ...


class Readiness(Protocol):
    """Whether the account of every function may do its part; each can only be asked about its own."""

    def ask(self) -> tuple[str, ...]:
        """Ask all that a batch needs, wait a bounded time, and tell what is lacking; nothing if all is well."""
        ...

    def answer(self, question: bytes) -> None:
        """Take a question of another function; raises InputError when it is none."""
        ...


class Caller(StrEnum):
    """Who calls: the queue with a task, the scheduler with a routine, people, or another system with a signature."""

    TASKS = "tasks"
    SCHEDULER = "scheduler"
    PEOPLE = "people"
    WEBHOOK = "webhook"


class Callers(Protocol):
    """What tells who sends a request."""

    def check(self, environ: Mapping[str, Any], caller: Caller) -> str:
        """
        Let a WSGI request pass that `caller` sends, and name who that is, "" where only the platform knows.

        A webhook proves itself by its body, which is not looked at here. Raises UnknownCallerError when a request does
        not prove who sends it, ForbiddenCallerError when that is somebody else.
        """
        ...
