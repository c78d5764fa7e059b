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
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Throttled,
)
from prograde.domain.profile import Profile

BACKOFF_SECONDS_BASE = 1.0
BACKOFF_SECONDS_MAX = 60.0
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
    failures_in_a_row: int = 0
    throttled_in_a_row: int = 0
    last_failure: str = ""
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


def advance(
    professional: Professional, outcome: Outcome, parameters: Parameters, now: datetime, raw_id: str = ""
) -> Professional:
    """
    Take one step: what the professional becomes when its expected page brought `outcome`.

    `raw_id` names the raw row behind a page; it enters the ledger when the page is counted. Denied changes nothing:
    bad credentials are the batch's business, and no professional pays for them. Nothing changes a final state.
    """
    if professional.is_final or isinstance(outcome, Denied):
        return professional
    # Without a raw row there was no call: a page given up because its handler died costs none.
    calls = professional.calls + bool(raw_id)
    here = replace(professional, step=professional.step + 1, due_at=now, calls=calls)
    match outcome:
        case Cancelled():
            return _stopped(here, State.CANCELLED, StopReason.CANCELLED, is_floor=True)
        case ProfilePage():
            return _profiled(_counted(here, professional, raw_id), outcome.profile, parameters)
        case ListingPage():
            paged = _paged(_counted(here, professional, raw_id), outcome, parameters)
            return _overfull(here) if paged.aggregate.is_overfull else paged
        case Throttled():
            return _throttled(here, outcome, now)
        case NotFound() if here.stage is Stage.PROFILE:
            return _stopped(here, State.NOT_FOUND, StopReason.NOT_FOUND)
        case NotFound():
            # The profile was there: a listing path that does not exist is a mistake to see, not an empty history.
            missing = Failure("not_found", f"the {here.stage} stage's path was not found", is_terminal=True)
            return _failed(here, missing, parameters, now)
        case Failure():
            return _failed(here, outcome, parameters, now)


def _counted(here: Professional, before: Professional, raw_id: str) -> Professional:
    """Enter the page in the ledger; a page ends any row of failures."""
    line = CountedPage(before.step, before.stage, before.page, raw_id)
    return replace(
        here,
        failures_in_a_row=0,
        throttled_in_a_row=0,
        last_failure="",
        ledger=(*here.ledger, line),
    )


def _stopped(here: Professional, state: State, reason: StopReason, *, is_floor: bool = False) -> Professional:
    return replace(here, state=state, stop_reason=reason, volume_is_floor=is_floor, cursor=None)


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
    known = replace(here, last_failure=f"more than {aggregation.KEYS_MAX} listings: they cannot be told apart")
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


def _failed(here: Professional, outcome: Failure, parameters: Parameters, now: datetime) -> Professional:
    in_a_row = here.failures_in_a_row + 1
    known = replace(here, failures_in_a_row=in_a_row, last_failure=f"{outcome.cause}: {outcome.detail}")
    if outcome.is_terminal:
        return _stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)
    if in_a_row >= parameters.failure_limit:
        return _stopped(known, State.FAILED, StopReason.FAILURE_LIMIT, is_floor=True)
    return replace(known, due_at=now + timedelta(seconds=backoff_seconds(here, in_a_row)))


def backoff_seconds(here: Professional, in_a_row: int) -> float:
    """Back off exponentially with full jitter, the jitter drawn from a seeded hash so that a run can be replayed."""
    bound = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_BASE * 2.0 ** min(in_a_row - 1, 30))
    seed = f"{here.batch_id}/{here.professional_id}/{here.step}".encode()
    jitter = int.from_bytes(blake2b(seed, digest_size=4).digest()) / 2**32
    return jitter * bound
