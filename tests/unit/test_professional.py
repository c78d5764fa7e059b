from dataclasses import replace

import pytest

from prograde.domain.advancing import advance
from prograde.domain.grading import Rubric, Tier
from prograde.domain.listing import Rejection
from prograde.domain.outcome import Cancelled, Failure, ListingPage, NotFound, Outcome, ProfilePage, Throttled
from prograde.domain.professional import CountedPage, Stage, State, StopReason
from prograde.domain.profile import Profile, Statistics
from tests.unit.examples import AS_OF, NEWCOMER, NOW, ON_THE_MARKET, PARAMETERS, SALE, SELLER
from tests.unit.steps import BROKEN, LAST, LISTER, MORE, PEOPLE, REFUSED, TIMEOUT, after


@pytest.mark.parametrize(
    ("stage", "outcome", "expected"),
    [
        (Stage.PROFILE, ProfilePage(Profile()), (Stage.ACTIVE, 1, None, State.OPEN)),
        (Stage.PROFILE, NotFound(), (Stage.PROFILE, 1, None, State.NOT_FOUND)),
        (Stage.PROFILE, REFUSED, (Stage.PROFILE, 1, None, State.OPEN)),
        (Stage.PROFILE, TIMEOUT, (Stage.PROFILE, 1, None, State.OPEN)),
        (Stage.PROFILE, BROKEN, (Stage.PROFILE, 1, None, State.FAILED)),
        (Stage.PROFILE, Throttled(None), (Stage.PROFILE, 1, None, State.OPEN)),
        (Stage.PROFILE, Cancelled(), (Stage.PROFILE, 1, None, State.CANCELLED)),
        (Stage.ACTIVE, MORE, (Stage.ACTIVE, 2, "next", State.OPEN)),
        (Stage.ACTIVE, LAST, (Stage.HISTORICAL, 1, None, State.OPEN)),
        (Stage.ACTIVE, REFUSED, (Stage.ACTIVE, 1, None, State.OPEN)),
        (Stage.ACTIVE, TIMEOUT, (Stage.ACTIVE, 1, None, State.OPEN)),
        (Stage.ACTIVE, BROKEN, (Stage.ACTIVE, 1, None, State.FAILED)),
        (Stage.ACTIVE, Throttled(1.0), (Stage.ACTIVE, 1, None, State.OPEN)),
        (Stage.ACTIVE, Cancelled(), (Stage.ACTIVE, 1, None, State.CANCELLED)),
        (Stage.HISTORICAL, MORE, (Stage.HISTORICAL, 2, "next", State.OPEN)),
        (Stage.HISTORICAL, LAST, (Stage.HISTORICAL, 1, None, State.DONE)),
        (Stage.HISTORICAL, REFUSED, (Stage.HISTORICAL, 1, None, State.OPEN)),
        (Stage.HISTORICAL, TIMEOUT, (Stage.HISTORICAL, 1, None, State.OPEN)),
        (Stage.HISTORICAL, BROKEN, (Stage.HISTORICAL, 1, None, State.FAILED)),
        (Stage.HISTORICAL, Throttled(1.0), (Stage.HISTORICAL, 1, None, State.OPEN)),
        (Stage.HISTORICAL, Cancelled(), (Stage.HISTORICAL, 1, None, State.CANCELLED)),
    ],
)
def test_an_outcome_leads_from_stage_to_stage(
    stage: Stage, outcome: Outcome, expected: tuple[Stage, int, str | None, State]
) -> None:
    before = PEOPLE[stage]

    there = after(before, outcome)

    assert expected == (there.stage, there.page, there.cursor, there.state)
    assert before.step + 1 == there.step
    assert there.is_final == (there.stop_reason is not None)


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [(Stage.PROFILE, LAST), (Stage.ACTIVE, ProfilePage(Profile())), (Stage.ACTIVE, NotFound())],
    ids=["listings", "profile", "nobody"],
)
def test_a_page_of_another_stage_is_a_programming_error(stage: Stage, outcome: Outcome) -> None:
    with pytest.raises(AssertionError):
        after(PEOPLE[stage], outcome)


def test_without_the_active_stage_the_profile_leads_to_the_sold_history() -> None:
    there = after(NEWCOMER, ProfilePage(Profile()), parameters=replace(PARAMETERS, include_active=False))

    assert (Stage.HISTORICAL, 1, None) == (there.stage, there.page, there.cursor)


def test_the_ledger_names_the_raw_row_of_every_page_counted_and_of_no_other() -> None:
    there = after(
        NEWCOMER, TIMEOUT, ProfilePage(Profile()), Throttled(None), MORE, LAST, TIMEOUT, ListingPage((SALE,), None)
    )

    assert (
        CountedPage(1, Stage.PROFILE, 1, "raw-1"),
        CountedPage(3, Stage.ACTIVE, 1, "raw-3"),
        CountedPage(4, Stage.ACTIVE, 2, "raw-4"),
        CountedPage(6, Stage.HISTORICAL, 1, "raw-6"),
    ) == there.ledger
    assert 7 == there.calls


def test_a_step_without_a_raw_row_made_no_call() -> None:
    for outcome in (Cancelled(), Failure("handler_died", "3 deliveries in vain")):
        there = advance(SELLER, outcome, PARAMETERS, NOW)
        assert (SELLER.calls, SELLER.step + 1) == (there.calls, there.step)


def test_rejected_records_are_counted_in_both_stages() -> None:
    rejection = Rejection("x", "key: missing")

    there = after(
        LISTER, ListingPage((rejection, ON_THE_MARKET), None), ListingPage((rejection, SALE, rejection), None)
    )

    assert (3, 1, 1) == (there.aggregate.rejected_records, there.aggregate.active_count, there.aggregate.sold_count)


def test_listings_are_matched_by_the_key_that_the_profile_gives() -> None:
    known = after(NEWCOMER, ProfilePage(Profile(agent_key="K9")))

    assert "K9" == known.agent_key
    assert NEWCOMER.professional_id == after(NEWCOMER, ProfilePage(Profile())).agent_key
    assert 2 == after(known, LAST, ListingPage((SALE,), None)).aggregate.half_sides


RUBRIC = Rubric((Tier("Top", 1_000_00, 4, 2, 90), Tier("Good", 500_00), Tier("Rest")))
STATED = Statistics(half_cents=2 * 1_000_00, half_sides=4, active_count=2, last_close=AS_OF)


@pytest.mark.parametrize(
    ("statistics", "initial_tier"),
    [
        (STATED, "Top"),
        (replace(STATED, half_cents=2 * 999_99), "Good"),
        (replace(STATED, half_cents=0), "Rest"),
        (replace(STATED, half_cents=None), None),
        (replace(STATED, half_sides=None), None),
        (replace(STATED, active_count=None), None),
        (replace(STATED, last_close=None), None),
        (Statistics(), None),
    ],
    ids=range(8),
)
def test_who_states_every_figure_that_a_tier_asks_for_has_an_initial_score(
    statistics: Statistics, initial_tier: str | None
) -> None:
    parameters = replace(PARAMETERS, rubric=RUBRIC, tiers_to_process=("Good",))

    there = after(NEWCOMER, ProfilePage(Profile(statistics=statistics)), parameters=parameters)

    assert initial_tier == there.initial_tier
    is_skipped = initial_tier not in {"Good", None}
    assert (State.SKIPPED if is_skipped else State.OPEN) is there.state
    assert (StopReason.TIER_NOT_SELECTED if is_skipped else None) is there.stop_reason
    assert is_skipped is there.volume_is_floor


def test_a_stated_volume_alone_scores_under_a_rubric_that_asks_for_no_more() -> None:
    there = after(NEWCOMER, ProfilePage(Profile(statistics=Statistics(half_cents=2 * 16_000_000_00))))

    assert ("A", State.OPEN) == (there.initial_tier, there.state)
