"""
The state machine of one professional: `advance(professional, outcome) -> professional'`, a pure function.

    open: profile -> active -> historical (page after page) -> final
    final: done | failed | not_found | skipped | cancelled

A page task carries the step it expects and the professional carries the step it is at; every recorded outcome,
also a failed one, is a step. That makes at-least-once delivery harmless.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from prograde.domain import aggregation
from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Parameters
from prograde.domain.listing import Listing
from prograde.domain.outcome import (
    Cancelled,
    Denied,
    Failure,
    GivenUp,
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Throttled,
    Unproven,
)
from prograde.domain.profile import Profile
from prograde.domain.source_health import Answer
from prograde.errors import ConflictError

BACKOFF_SECONDS_BASE = 1.0
BACKOFF_SECONDS_MAX = 60.0
PROBE_SECONDS_MAX = 30.0
"""How long a source that may be out is left alone at most."""
WAIT_SECONDS_MAX = 3600.0
"""The longest Retry-After that is believed."""


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
    `failures_in_a_row` counts failures between which the source answered others; `unproven_failures` counts those
    since then of which nobody knows whose fault they are, the latest at `failed_at`. `is_discarded` is set on a
    failed one by who has looked at its dead letter.
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
    failed_at: datetime | None = None
    throttled_in_a_row: int = 0
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

    def needs_proof(self, answer: Answer | None, now: datetime) -> bool:
        """
        Tell whether it is open if the failures are this professional's or the source's.

        `answer` is the last that the source gave in this stage. While that is open, who was answered is asked for
        again, rather than the page that fails.
        """
        return self.unproven_failures > 0 and not _is_proven(self, answer, now)


def _is_proven(professional: Professional, answer: Answer | None, now: datetime) -> bool:
    failed_at = professional.failed_at
    return failed_at is not None and answer is not None and answer.proves(failed_at, now)


def advance(
    professional: Professional,
    outcome: Outcome,
    parameters: Parameters,
    now: datetime,
    raw_id: str = "",
    answer: Answer | None = None,
) -> Professional:
    """
    Take one step: what the professional becomes when its expected page brought `outcome`.

    `raw_id` names the raw row behind a page; it enters the ledger when the page is counted. `answer` is the last that
    the source gave to anybody in this stage. Denied changes nothing: bad credentials are the batch's business, and no
    professional pays for them. Nothing changes a final state.
    """
    if professional.is_final or isinstance(outcome, Denied):
        return professional
    # Without a raw row there was no call: a page given up because its handler died costs none.
    calls = professional.calls + bool(raw_id)
    here = replace(professional, step=professional.step + 1, due_at=now, calls=calls, deaths=0)
    match outcome:
        case Cancelled() | GivenUp():
            return _drained(here, outcome)
        case Throttled() | Proven() | Unproven():
            return _delayed(here, outcome, now)
        case ProfilePage():
            return _profiled(_counted(here, professional, raw_id), outcome.profile, parameters)
        case ListingPage():
            paged = _paged(_counted(here, professional, raw_id), outcome, parameters)
            return _overfull(here) if paged.aggregate.is_overfull else paged
        case NotFound() if here.stage is Stage.PROFILE:
            return _stopped(here, State.NOT_FOUND, StopReason.NOT_FOUND)
        case NotFound():
            # The profile was there: a listing path that does not exist is a mistake to see, not an empty history.
            missing = Failure("not_found", f"the {here.stage} stage's path was not found", is_terminal=True)
            return _failed(here, missing, parameters, now, answer)
        case Failure():
            return _failed(here, outcome, parameters, now, answer)


def _drained(here: Professional, outcome: Cancelled | GivenUp) -> Professional:
    """End without a call."""
    if isinstance(outcome, Cancelled):
        return _stopped(here, State.CANCELLED, StopReason.CANCELLED, is_floor=True)
    told = replace(here, last_failure="source_outage: the source answered nobody for longer than the patience")
    return _stopped(told, State.FAILED, StopReason.SOURCE_OUTAGE, is_floor=True)


def _delayed(here: Professional, outcome: Throttled | Proven | Unproven, now: datetime) -> Professional:
    """Ask for the same page again, later: whatever came was no answer to it."""
    match outcome:
        case Throttled():
            return _throttled(here, outcome, now)
        case Proven():
            return replace(here, unproven_failures=0, throttled_in_a_row=0)
        case Unproven():
            return _unproven(replace(here, throttled_in_a_row=0), now)


def _counted(here: Professional, before: Professional, raw_id: str) -> Professional:
    """Enter the page in the ledger; a page ends any row of failures."""
    line = CountedPage(before.step, before.stage, before.page, raw_id)
    return replace(
        here,
        failures_in_a_row=0,
        unproven_failures=0,
        failed_at=None,
        throttled_in_a_row=0,
        last_failure="",
        ledger=(*here.ledger, line),
    )


def _stopped(here: Professional, state: State, reason: StopReason, *, is_floor: bool = False) -> Professional:
    # A failed one may be replayed, and then goes on where it stood.
    cursor = here.cursor if state is State.FAILED else None
    return replace(here, state=state, stop_reason=reason, volume_is_floor=is_floor, cursor=cursor)


def _profiled(here: Professional, profile: Profile, parameters: Parameters) -> Professional:
    assert here.stage is Stage.PROFILE, "a profile answers no other stage"
    initial_tier = initial_score(profile, parameters)
    known = replace(here, profile=profile, initial_tier=initial_tier)
    selected = parameters.tiers_to_process
    if selected and initial_tier is not None and initial_tier not in selected:
        return _stopped(known, State.SKIPPED, StopReason.TIER_NOT_SELECTED, is_floor=True)
    if parameters.include_active:
        return replace(known, stage=Stage.ACTIVE)
    return _enter_historical(known, parameters)


def initial_score(profile: Profile, parameters: Parameters) -> str | None:
    """
    Grade a professional by the statistics that the profile states of itself.

    None where the source states no volume, or lacks a figure that a tier asks for: then nobody is skipped by tier.
    """
    stated = profile.statistics
    lacks = stated.half_cents is None or any(
        (tier.minimum_half_sides is not None and stated.half_sides is None)
        or (tier.minimum_active_listings is not None and stated.active_count is None)
        or (tier.maximum_days_since_last_sale is not None and stated.last_close is None)
        for tier in parameters.rubric.tiers
    )
    if lacks:
        return None
    figures = Aggregate(
        half_cents=stated.half_cents or 0,
        half_sides=stated.half_sides or 0,
        active_count=stated.active_count or 0,
        last_close=stated.last_close,
    )
    return parameters.rubric.grade(figures, parameters.as_of).name


def _paged(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    assert here.stage is not Stage.PROFILE, "listings do not answer the profile stage"
    listings = [record for record in page.records if isinstance(record, Listing)]
    aggregate = replace(
        here.aggregate, rejected_records=here.aggregate.rejected_records + len(page.records) - len(listings)
    )
    next_stop: Callable[[Professional, ListingPage, Parameters], Professional]
    if here.stage is Stage.ACTIVE:
        aggregate = aggregation.add_active(aggregate, listings, here.agent_key)
        next_stop = _after_active
    else:
        aggregate = aggregation.add_sold(aggregate, listings, here.agent_key, parameters.attribution, parameters.window)
        next_stop = _after_historical
    return next_stop(replace(here, aggregate=aggregate), page, parameters)


def _overfull(here: Professional) -> Professional:
    """Give up without counting the page: with it the figures would fit neither a document nor 64 bits."""
    known = replace(
        here, last_failure=f"too_many_listings: more than {aggregation.KEYS_MAX} listings: they cannot be told apart"
    )
    return _stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)


def _after_active(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    if page.next_cursor is not None and here.page < parameters.page_limit:
        return replace(here, page=here.page + 1, cursor=page.next_cursor)
    return _enter_historical(here, parameters)


def _enter_historical(here: Professional, parameters: Parameters) -> Professional:
    entered = replace(here, stage=Stage.HISTORICAL, page=1, cursor=None)
    # A tier out of reach for want of active listings can leave nothing for the sold history to decide.
    if parameters.early_stop and _is_decided(entered, parameters):
        return _stopped(entered, State.DONE, StopReason.THRESHOLD_MET, is_floor=True)
    return entered


def _after_historical(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    if page.next_cursor is None:
        return _stopped(here, State.DONE, StopReason.LAST_PAGE)
    oldest = page.oldest_close if parameters.early_stop else None
    if oldest is not None and oldest < parameters.cutoff:
        return _stopped(here, State.DONE, StopReason.CUTOFF_REACHED)
    if parameters.early_stop and _is_decided(here, parameters):
        return _stopped(here, State.DONE, StopReason.THRESHOLD_MET, is_floor=True)
    if here.page >= parameters.page_limit:
        return _stopped(here, State.DONE, StopReason.PAGE_LIMIT, is_floor=True)
    return replace(here, page=here.page + 1, cursor=page.next_cursor)


def _is_decided(here: Professional, parameters: Parameters) -> bool:
    return parameters.rubric.is_decided(
        here.aggregate, parameters.as_of, active_is_known=here.stage is Stage.HISTORICAL
    )


def _throttled(here: Professional, outcome: Throttled, now: datetime) -> Professional:
    """Wait as asked, or back off; the failure budget is untouched: the source is well, it is we who are too quick."""
    in_a_row = here.throttled_in_a_row + 1
    backoff = backoff_seconds(here, in_a_row)
    wait = max(backoff, min(outcome.wait_seconds or 0.0, WAIT_SECONDS_MAX))
    return replace(here, throttled_in_a_row=in_a_row, due_at=now + timedelta(seconds=wait))


def _failed(
    here: Professional, outcome: Failure, parameters: Parameters, now: datetime, answer: Answer | None
) -> Professional:
    """
    Count a failure if it is this professional's own: the source has answered others since the one before.

    A first failure counts too, but none decides without such proof: an outage fails nobody.
    """
    known = replace(here, last_failure=f"{outcome.cause}: {outcome.detail}", throttled_in_a_row=0)
    if outcome.is_terminal:
        return _stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)
    is_own = _is_proven(here, answer, now)
    if not is_own and here.failures_in_a_row > 0:
        return _unproven(known, now)
    in_a_row = here.failures_in_a_row + 1
    counted = replace(known, failures_in_a_row=in_a_row, unproven_failures=0, failed_at=now)
    if is_own and in_a_row >= parameters.failure_limit:
        return _stopped(counted, State.FAILED, StopReason.FAILURE_LIMIT, is_floor=True)
    return replace(counted, due_at=now + timedelta(seconds=backoff_seconds(here, in_a_row)))


def _unproven(here: Professional, now: datetime) -> Professional:
    unproven = here.unproven_failures + 1
    wait = min(PROBE_SECONDS_MAX, backoff_seconds(here, here.failures_in_a_row + unproven))
    return replace(here, unproven_failures=unproven, failed_at=now, due_at=now + timedelta(seconds=wait))


def begun_anew(professional: Professional, now: datetime, epoch: int) -> Professional:
    """
    Wake a professional for a new epoch: a new task name, its failures forgiven.

    A wait that the source asked for is kept.
    """
    due_at = max(professional.due_at, now) if professional.throttled_in_a_row else now
    return replace(
        professional,
        wake=professional.wake + 1,
        epoch=epoch,
        due_at=due_at,
        failures_in_a_row=0,
        unproven_failures=0,
        failed_at=None,
    )


def replayed(professional: Professional, now: datetime, epoch: int) -> Professional:
    """Open a failed professional again, with a new step: it goes on with the page that failed."""
    if professional.state is not State.FAILED:
        raise ConflictError(
            f"professional {professional.professional_id} is {professional.state}: only a failed one can be replayed"
        )
    opened = replace(
        professional,
        step=professional.step + 1,
        state=State.OPEN,
        stop_reason=None,
        volume_is_floor=False,
        throttled_in_a_row=0,
        last_failure="",
        is_discarded=False,
    )
    return begun_anew(opened, now, epoch)


def backoff_seconds(here: Professional, in_a_row: int) -> float:
    """Back off exponentially with full jitter, the jitter drawn from a seeded hash so that a run can be replayed."""
    bound = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_BASE * 2.0 ** min(in_a_row - 1, 30))
    seed = f"{here.batch_id}/{here.professional_id}/{here.step}".encode()
    jitter = int.from_bytes(blake2b(seed, digest_size=4).digest()) / 2**32
    return jitter * bound
