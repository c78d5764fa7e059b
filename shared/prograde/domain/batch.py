"""
A batch: one run over one roster, its parameters, and the small machine that says where it stands.

    running <-> paused        finalizing -> complete    (-> running, by a replay)
       |           |              ^      -> incomplete  (-> running, by a replay)
       +-----------+-> draining --+      -> cancelled
       +--------------------------+
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from prograde.domain.aggregation import Attribution, SaleWindow
from prograde.domain.grading import DEFAULT_RUBRIC, Rubric, rubric_problems
from prograde.domain.source_health import Answer, Outage, Pace
from prograde.errors import ConflictError, Problem
from prograde.replacing import replace

COUNTERS = 16
"""Documents over which final transitions spread: no hot document up to some 16 a second on Firestore."""

FAILURE_LIMIT_MAX = 100
PAGE_LIMIT_MAX = 1_000
OUTAGE_PATIENCE_MINUTES_MAX = 7 * 24 * 60
PROMISED_HOURS_MAX = 31 * 24
WINDOW_DAYS = 365
PAUSED_BY_REQUEST = "paused by request"
"""The reason of a pause for which none is given."""
EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Parameters:
    """
    What a run is asked to do.

    `as_of` and `cutoff` bound the close dates that count (both inclusive). `tiers_to_process` empty means all.
    `page_limit` bounds the pages of each stage; `failure_limit` the failures in a row of one professional, counted
    while the source answers others. `outage_patience_minutes` is how long the source may answer nobody before the
    batch gives up. `promised_hours` is how long the batch may take before it is called late, and nothing else.
    """

    as_of: date
    cutoff: date
    rubric: Rubric = DEFAULT_RUBRIC
    attribution: Attribution = Attribution.SPLIT
    include_active: bool = True
    tiers_to_process: tuple[str, ...] = ()
    early_stop: bool = True
    failure_limit: int = 5
    page_limit: int = 19
    outage_patience_minutes: int = 180
    promised_hours: int = 72

    @property
    def window(self) -> SaleWindow:
        """The close dates that count."""
        return SaleWindow(self.cutoff, self.as_of)


def default_cutoff(as_of: date) -> date:
    """A year back, the window of agent rankings; never before EARLIEST."""
    return max(as_of - timedelta(days=WINDOW_DAYS), EARLIEST) if as_of > EARLIEST else EARLIEST


def parameter_problems(parameters: Parameters, today: date) -> Iterator[Problem]:
    """Name everything in which the parameters contradict each other or the calendar."""
    if not EARLIEST <= parameters.as_of <= today:
        yield Problem("as_of", str(parameters.as_of), f"must lie between {EARLIEST} and today ({today})")
    if parameters.cutoff < EARLIEST:
        yield Problem("cutoff", str(parameters.cutoff), f"must not lie before {EARLIEST}")
    if parameters.cutoff > parameters.as_of:
        yield Problem("cutoff", str(parameters.cutoff), f"must not lie after as_of ({parameters.as_of})")
    yield from rubric_problems(parameters.rubric.tiers)
    names = [tier.name for tier in parameters.rubric.tiers]
    for name in parameters.tiers_to_process:
        if name not in names:
            yield Problem("tiers_to_process", name, f"is no tier of this run: {', '.join(names)}")
    if not parameters.include_active:
        for name in parameters.rubric.asks_for_active_listings:
            yield Problem(
                "include_active", parameters.include_active, f"tier {name} asks for active listings: set it to true"
            )


class BatchStatus(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    FINALIZING = "finalizing"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (BatchStatus.COMPLETE, BatchStatus.INCOMPLETE, BatchStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Seeding:
    """How far the roster has been walked: `offset` bytes of the roster blob, `seeded` professionals."""

    offset: int = 0
    seeded: int = 0


@dataclass(frozen=True, slots=True)
class Waking:
    """
    How far an epoch's waking has come: everybody up to the id `after` was seen to; `turn` numbers the tasks.

    While the batch drains it ends those whom it comes to. `due_at` says by when it should have moved.
    """

    due_at: datetime
    after: str = ""
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Roster:
    """A cleaned roster in the blob store: one professional id a line, UTF-8, each once."""

    blob: str
    professionals: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Totals:
    """How a batch's professionals ended, kept when it is over: a list of batches reads nothing but the batches."""

    by_state: Mapping[str, int]
    by_grade: Mapping[str, int]
    calls: int


@dataclass(frozen=True, slots=True)
class Batch:
    """
    One run, as stored.

    `order_sha256` digests what was asked for, as it was asked: defaults such as today are in `parameters` only.
    `drained` counts the counters with nothing pending. `op` is the chain of control tasks under way, `wake` makes
    its next task's name new, `due_at` says by when something should have moved. `epoch` rises with each pause,
    resume, cancel and end of an outage; `waking` is the chain that wakes each unfinished professional once for it.
    `answers` (the last of each stage), `outage` and `pace` are what is known of the source; `strangers` counts those
    whom it leaves without an answer in a stage in which it never answered anybody. `ordered_by` names who started
    it, "" where nobody can tell; `totals` are there once it is over. `reopened_at` is when a replay last made it run
    on after it was over, None if none did: how long it took is told from then.
    """

    batch_id: str
    source: str
    source_sha256: str
    order_sha256: str
    parameters: Parameters
    roster: Roster
    created_at: datetime
    due_at: datetime
    status: BatchStatus = BatchStatus.RUNNING
    reason: str = ""
    op: Seeding | None = Seeding()
    counters: int = COUNTERS
    drained: int = 0
    grading_run: int = 0
    wake: int = 0
    epoch: int = 0
    waking: Waking | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    strangers: Mapping[str, int] = field(default_factory=dict)
    outage: Outage | None = None
    pace: Pace = field(default_factory=Pace)
    is_cancelled: bool = False
    finished_at: datetime | None = None
    export_digest: str = ""
    ordered_by: str = ""
    totals: Totals | None = None
    reopened_at: datetime | None = None

    def lets_work(self, professional_id: str) -> bool:
        """Tell whether a professional's page may be asked for: only while running, in an outage only the probe's."""
        is_running = self.status is BatchStatus.RUNNING
        return is_running and (self.outage is None or self.outage.probe_id == professional_id)

    def is_late(self, now: datetime) -> bool:
        """Tell whether everybody should have been graded by now; nothing is promised of a replay."""
        # A first finalize that never comes to its end is late, too.
        is_first = self.grading_run == (self.status is BatchStatus.FINALIZING)
        return is_first and now - self.created_at > timedelta(hours=self.parameters.promised_hours)


def counter_drained(batch: Batch, now: datetime) -> Batch:
    """One more counter has nothing pending; the last one starts finalize, unless professionals are yet to come."""
    return settled(replace(batch, drained=batch.drained + 1), now)


def seeded(batch: Batch, op: Seeding, due_at: datetime, now: datetime) -> Batch:
    """Move the cursor of seeding; at the roster's end, a batch that drains ends those too who came behind its chain."""
    is_done = op.seeded >= batch.roster.professionals
    moved = replace(batch, op=None if is_done else op, wake=batch.wake + 1, due_at=due_at)
    if is_done and batch.status is BatchStatus.DRAINING:
        moved = waking_everybody(moved, now)
    return settled(moved, now)


def settled(batch: Batch, now: datetime) -> Batch:
    """Start finalize if everybody is final and no op may bring more professionals; otherwise the batch as it is."""
    is_open = batch.status in (BatchStatus.RUNNING, BatchStatus.DRAINING)
    if not is_open or batch.op is not None or batch.drained < batch.counters:
        return batch
    return replace(
        batch,
        status=BatchStatus.FINALIZING,
        grading_run=batch.grading_run + 1,
        wake=batch.wake + 1,
        due_at=now,
        waking=None,
        outage=None,
    )


def paused(batch: Batch, reason: str = "") -> Batch:
    """Pause a running batch; a paused one takes the new reason, if one is given."""
    if batch.status is BatchStatus.PAUSED:
        return replace(batch, reason=reason) if reason else batch
    _require(batch, "paused", BatchStatus.RUNNING)
    return replace(
        batch,
        status=BatchStatus.PAUSED,
        reason=reason or PAUSED_BY_REQUEST,
        epoch=batch.epoch + 1,
        waking=None,
        outage=None,
    )


def resumed(batch: Batch, now: datetime) -> Batch:
    """Resume a paused batch; resuming a running one changes nothing."""
    if batch.status is BatchStatus.RUNNING:
        return batch
    _require(batch, "resumed", BatchStatus.PAUSED)
    return settled(waking_everybody(replace(batch, status=BatchStatus.RUNNING, reason="", strangers={}), now), now)


def cancelled(batch: Batch, now: datetime) -> Batch:
    """Cancel a batch: whoever is not finished ends so without a call. Cancelling twice changes nothing."""
    if batch.is_cancelled:
        return batch
    _require(batch, "cancelled", BatchStatus.RUNNING, BatchStatus.PAUSED)
    return _draining(replace(batch, is_cancelled=True), "", now)


def gave_up(batch: Batch, reason: str, now: datetime) -> Batch:
    """Give up on the source: whoever is not finished fails without a call, and the batch ends incomplete."""
    _require(batch, "given up", BatchStatus.RUNNING)
    return _draining(batch, reason, now)


def _draining(batch: Batch, reason: str, now: datetime) -> Batch:
    draining = replace(batch, status=BatchStatus.DRAINING, reason=reason, outage=None)
    return settled(waking_everybody(draining, now), now)


def waking_everybody(batch: Batch, now: datetime) -> Batch:
    """Begin a new epoch, whose chain wakes each unfinished professional once; seeding's next task is renewed too."""
    return replace(batch, epoch=batch.epoch + 1, waking=Waking(due_at=now), wake=batch.wake + 1, due_at=now)


def reopened(batch: Batch, now: datetime) -> Batch:
    """Let a batch run on for a dead letter that is replayed; what it exported before stays."""
    if batch.status in (BatchStatus.RUNNING, BatchStatus.PAUSED):
        return batch
    _require(batch, "replayed", BatchStatus.COMPLETE, BatchStatus.INCOMPLETE)
    return replace(
        batch,
        status=BatchStatus.RUNNING,
        reason="",
        finished_at=None,
        export_digest="",
        totals=None,
        pace=Pace(),
        reopened_at=now,
        strangers={},
    )


def finished(batch: Batch, now: datetime, export_digest: str, totals: Totals) -> Batch:
    """Finalize is done: the batch is over, and incomplete if it carries a reason why."""
    _require(batch, "finished", BatchStatus.FINALIZING)
    status = BatchStatus.INCOMPLETE if batch.reason else BatchStatus.COMPLETE
    if batch.is_cancelled:
        status = BatchStatus.CANCELLED
    return replace(batch, status=status, finished_at=now, export_digest=export_digest, totals=totals)


def _require(batch: Batch, verb: str, *allowed: BatchStatus) -> None:
    if batch.status not in allowed:
        why = ": it comes to its end by itself"
        if batch.status.is_over:
            why = ": it is over"
        elif batch.status in (BatchStatus.RUNNING, BatchStatus.PAUSED):
            why = ""
        raise ConflictError(f"batch {batch.batch_id} is {batch.status} and cannot be {verb}{why}")
