"""
One professional of one batch, as stored: where it stands, what was counted, what has failed.

    open: profile -> active -> historical (page after page) -> final
    final: done | failed | not_found | skipped | cancelled

A page task carries the step it expects and the professional carries the step it is at; every recorded outcome,
also a failed one, is a step. That makes at-least-once delivery harmless.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from prograde.domain.aggregation import Aggregate
from prograde.domain.outcome import Refusal
from prograde.domain.profile import Profile
from prograde.domain.source_health import WAIT_SECONDS_MAX, Answer
from prograde.errors import ConflictError
from prograde.replacing import replace

THROTTLED = "throttled"
"""The cause of who is told to wait."""


class Stage(StrEnum):
    """The three stages, in their order."""

    PROFILE = "profile"
    ACTIVE = "active"
    HISTORICAL = "historical"


class State(StrEnum):
    """Open, or one of the final states."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    NOT_FOUND = "not_found"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class StopReason(StrEnum):
    """Why a professional is final."""

    THRESHOLD_MET = "threshold_met"
    CUTOFF_REACHED = "cutoff_reached"
    LAST_PAGE = "last_page"
    PAGE_LIMIT = "page_limit"
    FAILURE_LIMIT = "failure_limit"
    TERMINAL_FAILURE = "terminal_failure"
    SOURCE_OUTAGE = "source_outage"
    NOT_FOUND = "not_found"
    TIER_NOT_SELECTED = "tier_not_selected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CountedPage:
    """A line of the ledger: the raw row whose page was counted at this step."""

    step: int
    stage: Stage
    page: int
    raw_id: str


@dataclass(frozen=True, slots=True)
class Professional:
    """
    One professional of one batch, as stored.

    `page` and `cursor` say which page is asked for next; `sequence` is the place in the roster, which also deals
    the counter. `wake` makes the current step's task name new, `due_at` is when that task should run.
    `deaths` counts the deliveries of the current step that got no answer, under names that a wake has retired.
    `is_discarded` is set on a dead letter by who has looked at it.

    Of a row of failures, which a page ends: `failures_in_a_row` counts those between which the source answered
    others, `troubles_in_a_row` with them the refusals and throttled answers; `unproven_failures` those of all kinds
    since then of which nobody knows whose they are; `failed_at` is when the latest came, and `refused_at` when the
    first came that asking again does not mend.
    """

    batch_id: str
    professional_id: str
    sequence: int
    due_at: datetime
    step: int = 0
    wake: int = 0
    epoch: int = 0
    stage: Stage = Stage.PROFILE
    page: int = 1
    cursor: str | None = None
    state: State = State.OPEN
    stop_reason: StopReason | None = None
    volume_is_floor: bool = False
    calls: int = 0
    deaths: int = 0
    failures_in_a_row: int = 0
    unproven_failures: int = 0
    troubles_in_a_row: int = 0
    failed_at: datetime | None = None
    refused_at: datetime | None = None
    last_failure: str = ""
    is_discarded: bool = False
    profile: Profile | None = None
    initial_tier: str | None = None
    aggregate: Aggregate = Aggregate()
    ledger: tuple[CountedPage, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether the professional has ended."""
        return self.state is not State.OPEN

    @property
    def agent_key(self) -> str:
        """The key that listings name this professional by."""
        return (self.profile and self.profile.agent_key) or self.professional_id

    @property
    def failure_cause(self) -> str:
        """Name the kind of the last failure, by which dead letters are grouped; "" without one."""
        return self.last_failure.partition(": ")[0]

    @property
    def is_dead_letter(self) -> bool:
        """Whether it has ended in a way that asking again may change."""
        return self.state in (State.FAILED, State.NOT_FOUND)

    @property
    def is_forbidden(self) -> bool:
        """Whether the last that it met was a refusal that may be that of the credentials."""
        return self.failure_cause == Refusal.FORBIDDEN

    @property
    def is_refused(self) -> bool:
        """Whether the last that it met was a status that asking again does not mend."""
        return self.failure_cause in set(Refusal)

    @property
    def is_throttled(self) -> bool:
        """Whether the last that it met was being told to wait."""
        return self.failure_cause == THROTTLED

    def needs_proof(self, answer: Answer | None, now: datetime) -> bool:
        """
        Tell whether it is open if the failures are this professional's or the source's.

        `answer` is the last that the source gave in this stage. While that is open, who was answered is asked for
        again, rather than the page that fails.
        """
        return self.unproven_failures > 0 and not is_proven(self.failed_at, answer, now)


def is_proven(failed_at: datetime | None, answer: Answer | None, now: datetime) -> bool:
    """Tell whether the source has answered somebody since a failure."""
    return failed_at is not None and answer is not None and answer.proves(failed_at, now)


def stopped(here: Professional, state: State, reason: StopReason, *, is_floor: bool = False) -> Professional:
    """End a professional."""
    # A failed one may be replayed, and then goes on where it stood.
    cursor = here.cursor if state is State.FAILED else None
    return replace(here, state=state, stop_reason=reason, volume_is_floor=is_floor, cursor=cursor)


def begun_anew(professional: Professional, now: datetime, epoch: int) -> Professional:
    """
    Wake a professional for a new epoch: a new task name, its failures forgiven.

    It waits as long as it was told to: the source may have asked for that. What no source is believed to ask for was
    written by a clock that stood ahead.
    """
    return replace(
        professional,
        wake=professional.wake + 1,
        epoch=epoch,
        due_at=min(max(professional.due_at, now), now + timedelta(seconds=WAIT_SECONDS_MAX)),
        failures_in_a_row=0,
        unproven_failures=0,
        troubles_in_a_row=0,
        failed_at=None,
        refused_at=None,
    )


def replayed(professional: Professional, now: datetime, epoch: int) -> Professional:
    """Open a dead letter again: a new step, its failures forgiven, its figures kept; raises ConflictError."""
    if not professional.is_dead_letter:
        raise ConflictError(
            f"professional {professional.professional_id} is {professional.state}:"
            " only one that failed or was not found can be replayed"
        )
    opened = replace(
        professional,
        step=professional.step + 1,
        due_at=now,
        state=State.OPEN,
        stop_reason=None,
        volume_is_floor=False,
        last_failure="",
        is_discarded=False,
    )
    return begun_anew(opened, now, epoch)
