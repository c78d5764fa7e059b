from dataclasses import replace
from datetime import date, timedelta

import pytest

from prograde.domain import aggregation
from prograde.domain.advancing import advance
from prograde.domain.grading import Rubric, Tier
from prograde.domain.listing import ListingStatus, Rejection
from prograde.domain.outcome import Cancelled, GivenUp, ListingPage, NotFound, Outcome, Refusal, Refused
from prograde.domain.professional import Professional, Stage, State, StopReason
from prograde.domain.source_health import Answer
from tests.unit.examples import CUTOFF, NEWCOMER, NOW, ON_THE_MARKET, PARAMETERS, SALE, SELLER
from tests.unit.steps import BROKEN, LAST, LISTER, MORE, REFUSED, TIMEOUT, after, newest_first

BIG_SALE = SALE._replace(close_price_cents=40_000_000_00)
OLD = SALE._replace(key="old", close_date=CUTOFF - timedelta(days=1))
MISSING = Refused(Refusal.NOT_FOUND, "status 404")
FAILING = replace(SELLER, failures_in_a_row=4, failed_at=NOW - timedelta(seconds=1))


def refused_once(professional: Professional, refused: Refused) -> Professional:
    return replace(professional, refused_at=NOW - timedelta(seconds=1), last_failure=f"{refused.kind}: once")


@pytest.mark.parametrize(
    ("before", "outcome", "reason", "is_floor"),
    [
        (SELLER, ListingPage((BIG_SALE,), "next"), StopReason.THRESHOLD_MET, True),
        (
            SELLER,
            newest_first(SALE, OLD),
            StopReason.CUTOFF_REACHED,
            False,
        ),
        (SELLER, ListingPage((BIG_SALE,), None), StopReason.LAST_PAGE, False),
        (replace(SELLER, page=19), MORE, StopReason.PAGE_LIMIT, True),
        (replace(SELLER, page=19), LAST, StopReason.LAST_PAGE, False),
        (FAILING, TIMEOUT, StopReason.FAILURE_LIMIT, True),
        (SELLER, BROKEN, StopReason.TERMINAL_FAILURE, True),
        (refused_once(LISTER, REFUSED), REFUSED, StopReason.TERMINAL_FAILURE, True),
        (refused_once(LISTER, MISSING), MISSING, StopReason.TERMINAL_FAILURE, True),
        (refused_once(NEWCOMER, MISSING), MISSING, StopReason.NOT_FOUND, False),
        (NEWCOMER, NotFound(), StopReason.NOT_FOUND, False),
        (SELLER, Cancelled(), StopReason.CANCELLED, True),
        (SELLER, GivenUp(), StopReason.SOURCE_OUTAGE, True),
    ],
    ids=range(13),
)
def test_a_stop_has_its_reason_and_says_whether_the_volume_is_a_floor(
    before: Professional,
    outcome: Outcome,
    reason: StopReason,
    is_floor: bool,  # noqa: FBT001  # a table's column
) -> None:
    there = after(before, outcome, answer=Answer(NOW, "K2"))

    assert (reason, is_floor, True) == (there.stop_reason, there.volume_is_floor, there.is_final)


def test_only_a_failed_one_keeps_the_cursor_of_the_page_that_it_may_be_replayed_with() -> None:
    there = replace(SELLER, page=3, cursor="third")

    for outcome, cursor in ((GivenUp(), "third"), (BROKEN, "third"), (Cancelled(), None), (LAST, None)):
        assert (3, cursor) == ((stopped := after(there, outcome)).page, stopped.cursor)


def test_who_the_batch_gave_up_on_made_no_call_and_says_why() -> None:
    there = advance(SELLER, GivenUp(), PARAMETERS, NOW)

    assert (State.FAILED, SELLER.step + 1, SELLER.calls) == (there.state, there.step, there.calls)
    assert "source_outage" == there.failure_cause


def test_the_page_that_meets_the_threshold_and_reaches_the_cutoff_is_no_floor() -> None:
    there = after(SELLER, newest_first(BIG_SALE, OLD))

    assert (StopReason.CUTOFF_REACHED, False) == (there.stop_reason, there.volume_is_floor)


def test_the_sold_history_is_not_asked_where_active_listings_alone_decide() -> None:
    rubric = Rubric((Tier("Top", minimum_active_listings=2), Tier("Rest")))

    there = after(LISTER, ListingPage((ON_THE_MARKET,), None), parameters=replace(PARAMETERS, rubric=rubric))

    assert (StopReason.THRESHOLD_MET, True) == (there.stop_reason, there.volume_is_floor)


def test_without_early_stop_the_sold_history_is_asked_even_if_it_decides_nothing() -> None:
    everybody = replace(PARAMETERS, rubric=Rubric((Tier("Everybody"),)), early_stop=False)

    assert (Stage.HISTORICAL, State.OPEN) == ((there := after(LISTER, LAST, parameters=everybody)).stage, there.state)


def test_without_early_stop_only_the_last_page_and_the_limit_end_a_history() -> None:
    everything = replace(PARAMETERS, early_stop=False)

    there = after(SELLER, newest_first(BIG_SALE, OLD), newest_first(), parameters=everything)

    assert State.OPEN is there.state
    assert StopReason.LAST_PAGE is after(there, LAST, parameters=everything).stop_reason


def test_the_page_limit_holds_for_each_stage() -> None:
    two_pages = replace(PARAMETERS, page_limit=2)

    listed = after(LISTER, MORE, MORE, parameters=two_pages)
    assert (Stage.HISTORICAL, 1) == (listed.stage, listed.page)

    sold = after(listed, MORE, MORE, parameters=two_pages)
    assert (StopReason.PAGE_LIMIT, 2) == (sold.stop_reason, sold.page)


def test_more_listings_than_can_be_told_apart_end_in_a_failure_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregation, "KEYS_MAX", 1)
    two = ListingPage((SALE, SALE._replace(key="another")), None)

    there = after(SELLER, two)

    assert (State.FAILED, StopReason.TERMINAL_FAILURE, True) == (there.state, there.stop_reason, there.volume_is_floor)
    assert "too_many_listings: more than 1 listings: they cannot be told apart" == there.last_failure
    # The page that is too much is not counted: its figures might fit no 64 bits, its hashes no document.
    assert (SELLER.aggregate, SELLER.ledger) == (there.aggregate, there.ledger)


@pytest.mark.parametrize(
    ("page", "oldest"),
    [
        pytest.param(newest_first(SALE, OLD), OLD.close_date, id="in order"),
        pytest.param(newest_first(OLD, OLD._replace(key="b")), OLD.close_date, id="on the same day"),
        pytest.param(newest_first(OLD._replace(is_sale=False)), OLD.close_date, id="a lease"),
        pytest.param(newest_first(OLD, SALE), None, id="out of order"),
        pytest.param(newest_first(SALE, OLD, SALE), None, id="out of order in the end"),
        pytest.param(newest_first(), None, id="empty"),
        pytest.param(newest_first(Rejection("x", "key: missing"), OLD), None, id="with a rejection"),
        pytest.param(
            newest_first(OLD, OLD._replace(key="b", status=ListingStatus.OTHER, close_date=None)),
            None,
            id="without a date",
        ),
        pytest.param(ListingPage((SALE, OLD), "next"), None, id="of a source that promises nothing"),
    ],
)
def test_a_page_tells_its_oldest_close_only_if_it_keeps_the_promised_order(
    page: ListingPage, oldest: date | None
) -> None:
    assert oldest == page.oldest_close
    assert (oldest is not None) == (after(SELLER, page).stop_reason is StopReason.CUTOFF_REACHED)


def test_a_sale_on_the_cutoff_itself_does_not_end_the_history() -> None:
    assert State.OPEN is after(SELLER, newest_first(SALE._replace(close_date=CUTOFF))).state
