"""The law of the early stop, over whole runs of the state machine: fewer pages, the same grade."""

from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from prograde.domain.advancing import advance
from prograde.domain.aggregation import Attribution
from prograde.domain.batch import Parameters
from prograde.domain.listing import Listing
from prograde.domain.outcome import ListingPage, ProfilePage
from prograde.domain.professional import Professional, Stage, State, StopReason
from prograde.domain.profile import Profile
from tests.unit.examples import CUTOFF, NEWCOMER, NOW, PARAMETERS
from tests.unit.strategies import drifting, markets, paged, rubrics

Pages = list[list[Listing]]


def run(active: Pages, history: Pages, parameters: Parameters, *, is_newest_first: bool) -> Professional:
    """Answer every step with the page that it asks for, until the professional is final."""
    professional = advance(NEWCOMER, ProfilePage(Profile()), parameters, NOW)
    stages = {Stage.ACTIVE: (active, False), Stage.HISTORICAL: (history, is_newest_first)}
    while not professional.is_final:
        pages, promised = stages[professional.stage]
        at = professional.page - 1
        cursor = str(professional.page + 1) if professional.page < len(pages) else None
        professional = advance(professional, ListingPage(tuple(pages[at]), cursor, promised), parameters, NOW)
    return professional


@st.composite
def histories(draw: st.DrawFn) -> Pages:
    """A sold history in pages, newest first; a listing may stand in it twice, as when pages drift."""
    market = draw(drifting(draw(markets(max_size=20))))
    return draw(paged(sorted(market, key=lambda listing: listing.close_date or CUTOFF, reverse=True)))


@st.composite
def orders(draw: st.DrawFn) -> Parameters:
    include_active = draw(st.booleans())
    return replace(
        PARAMETERS,
        rubric=draw(rubrics(with_active=include_active)),
        attribution=draw(st.sampled_from(Attribution)),
        include_active=include_active,
        page_limit=draw(st.integers(1, 8)),
    )


@settings(max_examples=300)
@given(st.data(), histories(), orders(), st.booleans())
def test_an_early_stop_never_changes_the_grade_nor_asks_for_more(
    data: st.DataObject,
    history: Pages,
    parameters: Parameters,
    is_newest_first: bool,  # noqa: FBT001  # Hypothesis calls tests by keyword
) -> None:
    active = data.draw(paged(data.draw(markets(max_size=6))))
    early = run(active, history, parameters, is_newest_first=is_newest_first)
    whole = run(active, history, replace(parameters, early_stop=False), is_newest_first=is_newest_first)
    event(f"stopped by {early.stop_reason}")

    grades = [parameters.rubric.grade(each.aggregate, parameters.as_of) for each in (early, whole)]
    assert State.DONE is early.state is whole.state
    assert grades[0].name == grades[1].name
    assert early.calls <= whole.calls


@settings(max_examples=300)
@given(histories(), orders())
def test_a_floor_lies_never_above_the_truth_and_what_is_no_floor_is_the_truth(
    history: Pages, parameters: Parameters
) -> None:
    stopped = run([[]], history, parameters, is_newest_first=True)
    unlimited = replace(parameters, early_stop=False, page_limit=1_000)
    truth = run([[]], history, unlimited, is_newest_first=True).aggregate

    found = stopped.aggregate
    assert found.half_cents <= truth.half_cents
    assert found.half_sides <= truth.half_sides
    if not stopped.volume_is_floor:
        assert replace(truth, seen=b"") == replace(found, seen=b"")
        assert stopped.stop_reason in {StopReason.LAST_PAGE, StopReason.CUTOFF_REACHED}


@given(histories(), orders())
def test_a_history_ends_with_the_first_page_that_decides_it(history: Pages, parameters: Parameters) -> None:
    stopped = run([[]], history, parameters, is_newest_first=True)
    before = run([[]], history[: max(0, stopped.page - 1)] or [[]], parameters, is_newest_first=True)

    if stopped.stage is Stage.HISTORICAL and stopped.page > 1:
        # One page less was not enough for any rule to stop on: it ended only because the history did.
        assert StopReason.LAST_PAGE is before.stop_reason
