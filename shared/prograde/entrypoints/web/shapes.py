"""The JSON of the HTTP API, each shape a dataclass; the OpenAPI file is written from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from prograde.domain.batch import Batch, BatchStatus, Parameters
from prograde.domain.counter import VOLUME_EDGES
from prograde.domain.money import dollars_text, sides_text
from prograde.domain.professional import CountedPage, Professional, Stage, State, StopReason
from prograde.domain.profile import Profile
from prograde.ports import Attempt
from prograde.use_cases.read_batch import Progress
from prograde.use_cases.read_export import Export, ExportFile
from prograde.use_cases.read_professional import Story

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BatchState:
    """Where a batch stands, after it was started or steered."""

    batch_id: str
    status: BatchStatus

    @classmethod
    def of(cls, batch: Batch) -> "BatchState":
        """Describe a batch."""
        return cls(batch.batch_id, batch.status)


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """
    A batch in a list; how its professionals ended is told once it is over.

    `reopened_at` is when a replay of dead letters last made it run again.
    """

    batch_id: str
    status: BatchStatus
    reason: str
    source: str
    ordered_by: str
    as_of: date
    professionals: int
    created_at: datetime
    reopened_at: datetime | None
    finished_at: datetime | None
    grading_run: int
    by_state: Counts | None
    by_grade: Counts | None
    calls: int | None

    @classmethod
    def of(cls, batch: Batch) -> "BatchSummary":
        """Describe a batch."""
        totals = batch.totals
        return cls(
            batch_id=batch.batch_id,
            status=batch.status,
            reason=batch.reason,
            source=batch.source,
            ordered_by=batch.ordered_by,
            as_of=batch.parameters.as_of,
            professionals=batch.roster.professionals,
            created_at=batch.created_at,
            reopened_at=batch.reopened_at,
            finished_at=batch.finished_at,
            grading_run=batch.grading_run,
            by_state=None if totals is None else totals.by_state,
            by_grade=None if totals is None else totals.by_grade,
            calls=None if totals is None else totals.calls,
        )


@dataclass(frozen=True, slots=True)
class BatchList:
    """Batches, newest first; next is the cursor of the next page, null at the end."""

    batches: Sequence[BatchSummary]
    next: str | None


@dataclass(frozen=True, slots=True)
class VolumeBar:
    """How many graded professionals have a volume from this many dollars on, below the next bar."""

    from_dollars: int
    professionals: int


@dataclass(frozen=True, slots=True)
class BatchDetails:
    """A batch, and how far it has come; `reopened_at` is when a replay of dead letters last made it run again."""

    batch_id: str
    status: BatchStatus
    reason: str
    source: str
    ordered_by: str
    created_at: datetime
    reopened_at: datetime | None
    finished_at: datetime | None
    is_cancelled: bool
    outage_since: datetime | None
    professionals: int
    open: int
    ended: int
    by_state: Counts
    by_grade: Counts
    by_cause: Counts
    by_volume: Sequence[VolumeBar]
    calls: int
    calls_per_second: float | None
    ended_per_second: float | None
    remaining_seconds: int | None
    parameters: Parameters
    source_sha256: str
    roster_sha256: str
    grading_run: int
    export_digest: str

    @classmethod
    def of(cls, progress: Progress, now: datetime, calls_per_second: float | None) -> "BatchDetails":
        """Describe a batch."""
        batch = progress.batch
        rate = progress.ended_per_second(now)
        remaining = progress.remaining(now)
        return cls(
            batch_id=batch.batch_id,
            status=batch.status,
            reason=batch.reason,
            source=batch.source,
            ordered_by=batch.ordered_by,
            created_at=batch.created_at,
            reopened_at=batch.reopened_at,
            finished_at=batch.finished_at,
            is_cancelled=batch.is_cancelled,
            outage_since=None if batch.outage is None else batch.outage.since,
            professionals=progress.total,
            open=progress.open,
            ended=progress.ended,
            by_state=progress.by_state,
            by_grade=progress.by_grade,
            by_cause=progress.by_cause,
            by_volume=[VolumeBar(edge, progress.by_volume.get(edge, 0)) for edge in VOLUME_EDGES],
            calls=progress.calls,
            calls_per_second=None if calls_per_second is None else round(calls_per_second, 1),
            ended_per_second=None if rate is None else round(rate, 2),
            remaining_seconds=None if remaining is None else int(remaining.total_seconds()),
            parameters=batch.parameters,
            source_sha256=batch.source_sha256,
            roster_sha256=batch.roster.sha256,
            grading_run=batch.grading_run,
            export_digest=batch.export_digest,
        )


@dataclass(frozen=True, slots=True)
class ProfessionalSummary:
    """A professional in a list."""

    professional_id: str
    state: State
    stop_reason: StopReason | None
    stage: Stage
    page: int
    calls: int
    name: str

    @classmethod
    def of(cls, professional: Professional) -> "ProfessionalSummary":
        """Describe a professional."""
        return cls(
            professional_id=professional.professional_id,
            state=professional.state,
            stop_reason=professional.stop_reason,
            stage=professional.stage,
            page=professional.page,
            calls=professional.calls,
            name="" if professional.profile is None else professional.profile.full_name,
        )


@dataclass(frozen=True, slots=True)
class ProfessionalList:
    """Professionals by id; next is the cursor of the next page, null at the end."""

    professionals: Sequence[ProfessionalSummary]
    next: str | None


@dataclass(frozen=True, slots=True)
class CallMade:
    """
    A call for a professional: what was asked, what came back (its beginning), and whether it was counted.

    `detail` says why it brought no page.
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
    is_counted: bool

    @classmethod
    def of(cls, attempt: Attempt, professional: Professional) -> "CallMade":
        """Describe a call."""
        return cls(
            raw_id=attempt.raw_id,
            step=attempt.step,
            stage=attempt.stage,
            page=attempt.page,
            outcome=attempt.outcome,
            detail=attempt.detail,
            sent_at=attempt.sent_at,
            latency_ms=attempt.latency_ms,
            url=attempt.url,
            status=attempt.status,
            body=attempt.body,
            is_counted=any(line.raw_id == attempt.raw_id for line in professional.ledger),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What a professional's counted pages add up to."""

    volume: str
    sides: str
    unpriced_sides: str
    volume_is_floor: bool
    sold_count: int
    sold_volume: str
    active_count: int
    active_volume: str
    first_close: date | None
    last_close: date | None
    rejected_records: int

    @classmethod
    def of(cls, professional: Professional) -> "Figures":
        """Describe a professional's aggregate."""
        figures = professional.aggregate
        return cls(
            volume=dollars_text(figures.half_cents),
            sides=sides_text(figures.half_sides),
            unpriced_sides=sides_text(figures.unpriced_half_sides),
            volume_is_floor=professional.volume_is_floor,
            sold_count=figures.sold_count,
            sold_volume=dollars_text(2 * figures.sold_cents),
            active_count=figures.active_count,
            active_volume=dollars_text(2 * figures.active_cents),
            first_close=figures.first_close,
            last_close=figures.last_close,
            rejected_records=figures.rejected_records,
        )


@dataclass(frozen=True, slots=True)
class ProfessionalStory:
    """How a professional's grade came about; grade is null unless the professional is done."""

    professional_id: str
    state: State
    stop_reason: StopReason | None
    stage: Stage
    page: int
    step: int
    calls: int
    failures_in_a_row: int
    last_failure: str
    due_at: datetime
    profile: Profile | None
    figures: Figures
    grade: str | None
    reasons: Sequence[str]
    ledger: Sequence[CountedPage]
    calls_made: Sequence[CallMade]

    @classmethod
    def of(cls, story: Story) -> "ProfessionalStory":
        """Describe a professional's story."""
        professional = story.professional
        return cls(
            professional_id=professional.professional_id,
            state=professional.state,
            stop_reason=professional.stop_reason,
            stage=professional.stage,
            page=professional.page,
            step=professional.step,
            calls=professional.calls,
            failures_in_a_row=professional.failures_in_a_row,
            last_failure=professional.last_failure,
            due_at=professional.due_at,
            profile=professional.profile,
            figures=Figures.of(professional),
            grade=None if story.grade is None else story.grade.name,
            reasons=() if story.grade is None else story.grade.reasons,
            ledger=professional.ledger,
            calls_made=[CallMade.of(attempt, professional) for attempt in story.attempts],
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A professional that failed."""

    professional_id: str
    cause: str
    failure: str
    stop_reason: StopReason | None
    stage: Stage
    page: int
    calls: int
    counted_pages: int
    is_discarded: bool

    @classmethod
    def of(cls, letter: Professional) -> "DeadLetter":
        """Describe a failed professional."""
        return cls(
            professional_id=letter.professional_id,
            cause=letter.failure_cause,
            failure=letter.last_failure,
            stop_reason=letter.stop_reason,
            stage=letter.stage,
            page=letter.page,
            calls=letter.calls,
            counted_pages=len(letter.ledger),
            is_discarded=letter.is_discarded,
        )


@dataclass(frozen=True, slots=True)
class DeadLetterList:
    """Dead letters by id; next is the cursor of the next page, null at the end."""

    dead_letters: Sequence[DeadLetter]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterEvidence:
    """A dead letter, and every call that was made for it."""

    letter: DeadLetter
    calls_made: Sequence[CallMade]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where the batch stands after its dead letters were opened again; has_more tells if further ones were meant."""

    batch_id: str
    status: BatchStatus
    replayed: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Discarded:
    """How many dead letters were taken off the list; has_more tells if further ones were meant."""

    discarded: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class GradeList:
    """Rows of an export, the cells as in its CSV; next is the cursor of the next page, null at the end."""

    batch_id: str
    grading_run: int
    export_digest: str
    rows: Sequence[Mapping[str, str]]
    next: str | None


@dataclass(frozen=True, slots=True)
class ExportDetails:
    """A published grading run."""

    grading_run: int
    export_digest: str
    finalized_at: str
    files: Sequence[ExportFile]

    @classmethod
    def of(cls, export: Export) -> "ExportDetails":
        """Describe a published grading run."""
        return cls(export.grading_run, export.export_digest, str(export.manifest["finalized_at"]), export.files)


@dataclass(frozen=True, slots=True)
class ExportList:
    """Published grading runs, the latest first."""

    exports: Sequence[ExportDetails]


@dataclass(frozen=True, slots=True)
class Queued:
    """A webhook was taken."""

    status: str


@dataclass(frozen=True, slots=True)
class ProblemField:
    """One thing that is wrong with the input."""

    field: str
    value: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    detail: str
    problems: Sequence[ProblemField] = ()
