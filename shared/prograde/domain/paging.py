"""What a page brings: counted, added up, and where its professional goes on from there, or why it stops."""

from collections.abc import Callable

from prograde.domain import aggregation
from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Parameters
from prograde.domain.outcome import ListingPage
from prograde.domain.professional import CountedPage, Professional, Stage, State, StopReason, stopped
from prograde.domain.profile import Profile
from prograde.replacing import replace


def counted(here: Professional, before: Professional, raw_id: str) -> Professional:
    """Enter the page in the ledger; a page ends any row of failures."""
    line = CountedPage(before.step, before.stage, before.page, raw_id)
    return replace(
        here,
        failures_in_a_row=0,
        unproven_failures=0,
        troubles_in_a_row=0,
        failed_at=None,
        refused_at=None,
        last_failure="",
        ledger=(*here.ledger, line),
    )


def profiled(here: Professional, profile: Profile, parameters: Parameters) -> Professional:
    """Go on from the profile: to the listings, or nowhere if its tier is not wanted."""
    assert here.stage is Stage.PROFILE, "a profile answers no other stage"
    initial_tier = _initial_score(profile, parameters)
    known = replace(here, profile=profile, initial_tier=initial_tier)
    selected = parameters.tiers_to_process
    if selected and initial_tier is not None and initial_tier not in selected:
        return stopped(known, State.SKIPPED, StopReason.TIER_NOT_SELECTED, is_floor=True)
    if parameters.include_active:
        return replace(known, stage=Stage.ACTIVE)
    return _enter_historical(known, parameters)


def _initial_score(profile: Profile, parameters: Parameters) -> str | None:
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


def paged(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    """Add up a page of listings, and go on to the next, to the next stage, or to the end."""
    assert here.stage is not Stage.PROFILE, "listings do not answer the profile stage"
    listings = page.listings
    aggregate = here.aggregate
    if rejected := len(page.records) - len(listings):
        aggregate = replace(aggregate, rejected_records=aggregate.rejected_records + rejected)
    next_stop: Callable[[Professional, ListingPage, Parameters], Professional]
    if here.stage is Stage.ACTIVE:
        aggregate = aggregation.add_active(aggregate, listings, here.agent_key)
        next_stop = _after_active
    else:
        aggregate = aggregation.add_sold(aggregate, listings, here.agent_key, parameters.attribution, parameters.window)
        next_stop = _after_historical
    return next_stop(replace(here, aggregate=aggregate), page, parameters)


def overfull(here: Professional) -> Professional:
    """Give up without counting the page: with it the figures would fit neither a document nor 64 bits."""
    known = replace(
        here, last_failure=f"too_many_listings: more than {aggregation.KEYS_MAX} listings: they cannot be told apart"
    )
    return stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)


def _after_active(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    if page.next_cursor is not None and here.page < parameters.page_limit:
        return replace(here, page=here.page + 1, cursor=page.next_cursor)
    return _enter_historical(here, parameters)


def _enter_historical(here: Professional, parameters: Parameters) -> Professional:
    entered = replace(here, stage=Stage.HISTORICAL, page=1, cursor=None)
    # A tier out of reach for want of active listings can leave nothing for the sold history to decide.
    if parameters.early_stop and _is_decided(entered, parameters):
        return stopped(entered, State.DONE, StopReason.THRESHOLD_MET, is_floor=True)
    return entered


def _after_historical(here: Professional, page: ListingPage, parameters: Parameters) -> Professional:
    if page.next_cursor is None:
        return stopped(here, State.DONE, StopReason.LAST_PAGE)
    oldest = page.oldest_close if parameters.early_stop else None
    if oldest is not None and oldest < parameters.cutoff:
        return stopped(here, State.DONE, StopReason.CUTOFF_REACHED)
    if parameters.early_stop and _is_decided(here, parameters):
        return stopped(here, State.DONE, StopReason.THRESHOLD_MET, is_floor=True)
    if here.page >= parameters.page_limit:
        return stopped(here, State.DONE, StopReason.PAGE_LIMIT, is_floor=True)
    return replace(here, page=here.page + 1, cursor=page.next_cursor)


def _is_decided(here: Professional, parameters: Parameters) -> bool:
    return parameters.rubric.is_decided(
        here.aggregate, parameters.as_of, active_is_known=here.stage is Stage.HISTORICAL
    )
