"""What the page of a batch shows, worked out from its document, its counters and its newest manifest."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.pace import RateLimit
from prograde.entrypoints.web.charts import Histogram, Part, grade_look, stacked, volume_histogram
from prograde.entrypoints.web.rendering import number, short_dollars, words
from prograde.errors import InputError, NotFoundError
from prograde.ports import BatchStore, BlobStore, Place
from prograde.use_cases.export_files import EXCEL, GRADED, HUBSPOT, UNGRADED, grade_file
from prograde.use_cases.finalize import named_count
from prograde.use_cases.read_batch import Progress, calls_per_second
from prograde.use_cases.read_export import Export, latest_export, read_export
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import source_blob

PREVIOUS_LOOKED_AT = 10
"""Batches among which the previous one of the same source is looked for."""

_PURPOSES = {
    GRADED: "programs: everybody with a grade, by rank",
    UNGRADED: "programs: everybody else, with the reason",
    EXCEL: "Excel",
    HUBSPOT: "HubSpot, import of contacts",
}
_STATE_LOOKS = {"done": "", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class GradeRow:
    """A tier: what it asks for, how many are in it, and how many more than in the previous batch."""

    name: str
    minimum: str
    count: int
    change: int | None
    look: str
    file: bool


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file to download."""

    name: str
    purpose: str
    address: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a grading run says of itself."""

    code_version: str
    raw_pages: int
    calls: int
    differences: str
    missing: str
    agrees: bool
    export_digest: str


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch, ready to be written down; `run` is the grading run whose files are shown, 0 before there is one."""

    progress: Progress
    now: datetime
    previous: Batch | None
    export: Export | None
    limit: str
    calls_per_second: float | None
    refusal: str

    @property
    def batch(self) -> Batch:
        """The batch."""
        return self.progress.batch

    @property
    def took(self) -> timedelta:
        """How long it took, or has taken so far; of one that ran on for a replay, only that is told."""
        return took(self.batch, self.now)

    @property
    def percent(self) -> int:
        """The share that is finished, rounded down: 100 only when everybody is."""
        return 100 * self.progress.ended // max(1, self.progress.total)

    @property
    def graded(self) -> int:
        """How many have a grade."""
        return sum(self.progress.by_grade.values())

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.progress.by_state.get("failed", 0)

    @property
    def nobody_graded(self) -> bool:
        """Whether it is over with nothing to show for it."""
        return self.batch.status in (BatchStatus.COMPLETE, BatchStatus.INCOMPLETE) and self.graded == 0

    @property
    def is_late(self) -> bool:
        """Whether it takes longer than was promised."""
        return not self.batch.status.is_over and self.batch.is_late(self.now)

    @property
    def can_pause(self) -> bool:
        """Whether it may be paused."""
        return self.batch.status is BatchStatus.RUNNING

    @property
    def can_resume(self) -> bool:
        """Whether it may be resumed."""
        return self.batch.status is BatchStatus.PAUSED

    @property
    def can_cancel(self) -> bool:
        """Whether it may be cancelled."""
        return self.batch.status in (BatchStatus.RUNNING, BatchStatus.PAUSED)

    @property
    def pace_share(self) -> float:
        """The share of the limit that the source bears."""
        return self.batch.pace.share_at(self.now)

    @property
    def remaining(self) -> timedelta | None:
        """The time to go."""
        return self.progress.remaining(self.now) if self.batch.status is BatchStatus.RUNNING else None

    @property
    def ends_at(self) -> datetime | None:
        """When that will be over."""
        return None if self.remaining is None else self.now + self.remaining

    @property
    def why_no_remaining(self) -> str:
        """Say why the time to go is not told."""
        if self.batch.status is not BatchStatus.RUNNING:
            return words(self.batch.status)
        if not self.progress.ended:
            return "told after the first professionals are done"
        return "nobody has finished lately" if self.progress.open else "everybody has finished"

    @property
    def ends(self) -> tuple[Part, ...]:
        """The parts of the progress bar: how professionals ended."""
        states = sorted(self.progress.by_state.items(), key=lambda pair: (pair[0] != "done", pair[0] != "failed", pair))
        return stacked(
            [(state, _STATE_LOOKS.get(state, "other"), count) for state, count in states], self.progress.total
        )

    @property
    def ends_text(self) -> str:
        """The progress bar in words."""
        told = [f"{number(part.count)} {words(part.name)}" for part in self.ends if part.count]
        return ", ".join([*told, f"{number(self.progress.open)} to go"])

    @property
    def grades(self) -> tuple[GradeRow, ...]:
        """The tiers, best first."""
        tiers = self.batch.parameters.rubric.tiers
        before = {} if self.previous is None or self.previous.totals is None else self.previous.totals.by_grade
        return tuple(
            GradeRow(
                tier.name,
                short_dollars(tier.minimum_cents / 100) if tier.minimum_cents else "",
                count := self.progress.by_grade.get(tier.name, 0),
                count - before[tier.name] if tier.name in before else None,
                grade_look(index, len(tiers)),
                self.export is not None and count > 0,
            )
            for index, tier in enumerate(tiers)
        )

    @property
    def histogram(self) -> Histogram | None:
        """The volumes."""
        return volume_histogram(self.progress.by_volume, self.batch.parameters)

    @property
    def causes(self) -> tuple[tuple[str, int], ...]:
        """The causes of dead letters, the most frequent first."""
        present = ((cause, count) for cause, count in self.progress.by_cause.items() if count)
        return tuple(sorted(present, key=lambda pair: (-pair[1], pair[0])))

    @property
    def letters(self) -> int:
        """How many failed or were not found."""
        return sum(count for _, count in self.causes)

    @property
    def run(self) -> int:
        """The grading run whose files are shown."""
        return 0 if self.export is None else self.export.grading_run

    @property
    def runs(self) -> int:
        """How many grading runs there may be."""
        return self.batch.grading_run

    @property
    def files(self) -> tuple[FileRow, ...]:
        """The files of the run, in the order in which people look for them."""
        if self.export is None:
            return ()
        tiers = [grade_file(tier.name) for tier in self.batch.parameters.rubric.tiers]
        order = {name: index for index, name in enumerate([GRADED, EXCEL, HUBSPOT, *tiers, UNGRADED])}
        base = f"/v1/batches/{self.batch.batch_id}/exports/{self.run}"
        rows = [
            FileRow(file.name, _purpose(file.name), f"{base}/{file.name}", file.rows, file.bytes, file.sha256)
            for file in self.export.files
        ]
        # The leads' files, one or several, come behind HubSpot's.
        return tuple(sorted(rows, key=lambda row: (order.get(row.name, order[HUBSPOT]), row.name)))

    @property
    def lineage(self) -> Lineage | None:
        """Where the figures of the run come from."""
        if self.export is None:
            return None
        told: Mapping[str, Any] = self.export.manifest
        differences, missing = told["reconciliation"]["differences"], told["reconciliation"]["missing_raw_ids"]
        return Lineage(
            code_version=told["code_version"],
            raw_pages=told["raw_pages"],
            calls=told["calls"],
            differences=named_count(differences),
            missing=named_count(missing),
            agrees=not differences and not missing,
            export_digest=self.export.export_digest,
        )


def batch_view(services: Services, progress: Progress, run: int | None) -> BatchView:
    """Work out what is shown; at most PREVIOUS_LOOKED_AT documents and two blobs are read beside the progress."""
    batch = progress.batch
    return BatchView(
        progress=progress,
        now=services.clock.now(),
        # While a batch runs, every grade has fewer: that says nothing.
        previous=previous_of(services.store, batch) if batch.status.is_over else None,
        export=_export(services.blobs, batch, run),
        limit="" if batch.status.is_over else limit_text(services, batch),
        calls_per_second=calls_per_second(services, batch),
        refusal="" if batch.status.is_over else services.refusal(batch.batch_id),
    )


def took(batch: Batch, now: datetime) -> timedelta:
    """Tell how long a batch took, or has taken so far; of one that ran on for a replay, only that is told."""
    return max(timedelta(), (batch.finished_at or now) - (batch.reopened_at or batch.created_at))


def previous_of(store: BatchStore, batch: Batch) -> Batch | None:
    """Find the batch of the same source before this one that is complete; None if there is none lately."""
    before = store.newest(Place(batch.created_at, batch.batch_id), PREVIOUS_LOOKED_AT)
    return next((each for each in before if is_comparable(each, batch)), None)


def is_comparable(earlier: Batch, batch: Batch) -> bool:
    """Tell whether an earlier batch's counts say what the market was: one cut short says nothing of it."""
    is_whole = earlier.status is BatchStatus.COMPLETE and earlier.totals is not None
    return is_whole and earlier.source == batch.source


def limits_text(limits: tuple[RateLimit, ...]) -> str:
    """Write rate limits: 20 a second, 10,000 a day."""
    units = {1: "a second", 60: "a minute", 3_600: "an hour", 86_400: "a day"}
    told = []
    for limit in sorted(limits, key=lambda each: each.interval):
        seconds = limit.interval.total_seconds()
        told.append(f"{limit.limit:,} {units.get(int(seconds), f'in {seconds:g} s')}")
    return ", ".join(told)


def limit_text(services: Services, batch: Batch) -> str:
    """Write the limits of a batch's source as it was at the start; "" where its file cannot be read now."""
    try:
        return _limits_of(services.blobs.read(source_blob(batch)).decode())
    except (InputError, NotFoundError):
        return ""


@lru_cache(maxsize=64)
def _limits_of(source_text: str) -> str:
    # What reads source files is much, and the tasks of this function never do.
    from prograde.adapters.listing_api.source_file import load_source

    return limits_text(load_source(source_text, os.environ).rate_limits)


def _export(blobs: BlobStore, batch: Batch, run: int | None) -> Export | None:
    if run is not None:
        return read_export(blobs, batch, run)
    try:
        return latest_export(blobs, batch) if batch.grading_run else None
    except NotFoundError:
        return None


def _purpose(name: str) -> str:
    if name.startswith("salesforce"):
        return "Salesforce, import of leads"
    return _PURPOSES.get(name, "programs: one grade, by rank")
