from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st

from prograde.domain.advancing import advance
from prograde.domain.aggregation import Aggregate, Attribution
from prograde.domain.batch import Batch
from prograde.domain.listing import Listing, ListingStatus, Rejection
from prograde.domain.outcome import Failure, ListingPage, Outcome, ProfilePage
from prograde.domain.professional import CountedPage, Professional, Stage
from prograde.domain.profile import Profile
from prograde.domain.raw_page import RawPage, outcome_detail, page_records, raw_page_id
from prograde.ports import Difference, Warehouse
from tests.contracts.specimens import BATCH, NOON, PROFESSIONAL, counting, exchange, raw_page
from tests.contracts.warehouse import SALE, SALE_FIGURES

ACTIVE = SALE._replace(key="L2", status=ListingStatus.ACTIVE, close_price_cents=None, close_date=None)
TWO_PAGES = ((SALE, Rejection("L3", "status: missing")), (ACTIVE,))
TWO_PAGES_FIGURES = replace(SALE_FIGURES, active_count=1, active_cents=400_000_00, rejected_records=1)
TAMPERED = {
    "half_cents": replace(TWO_PAGES_FIGURES, half_cents=2 * 390_000_00 + 1),
    "half_sides": replace(TWO_PAGES_FIGURES, half_sides=1),
    "unpriced_half_sides": replace(TWO_PAGES_FIGURES, unpriced_half_sides=2),
    "sold_count": replace(TWO_PAGES_FIGURES, sold_count=2),
    "sold_cents": replace(TWO_PAGES_FIGURES, sold_cents=390_000_01),
    "active_count": replace(TWO_PAGES_FIGURES, active_count=0),
    "active_cents": replace(TWO_PAGES_FIGURES, active_cents=399_999_99),
    "first_close": replace(TWO_PAGES_FIGURES, first_close=date(2026, 4, 30)),
    "last_close": replace(TWO_PAGES_FIGURES, last_close=None),
    "rejected_records": replace(TWO_PAGES_FIGURES, rejected_records=0),
}

# Few keys and few agents, so that listings are met again (also changed in between) and most are somebody's.
KEYS = st.integers(0, 7).map("L{}".format)
AGENTS = st.sampled_from([None, None, "me", "me", "o'hara", "Ω"])
PRICES = st.none() | st.integers(1, 99_999_999_999_999)
WINDOW = BATCH.parameters.window
DATES = st.dates(WINDOW.cutoff - timedelta(days=2), WINDOW.as_of + timedelta(days=2)) | st.sampled_from(
    [WINDOW.cutoff, WINDOW.as_of]
)
FAILURES = st.builds(Failure, st.just("timeout"), st.just("no answer"))


@st.composite
def records(draw: st.DrawFn, usual: ListingStatus) -> Listing | Rejection:
    """Draw any record of a stage that brings listings of the usual status, most of the time."""
    if draw(st.integers(0, 9)) == 0:
        return Rejection(draw(KEYS), 'it\'s "bad"\n')
    status = draw(st.sampled_from([usual, usual, usual, *ListingStatus]))
    return Listing(
        key=draw(KEYS),
        status=status,
        is_sale=draw(st.sampled_from([True, True, True, False])),
        list_price_cents=draw(PRICES),
        close_price_cents=draw(PRICES),
        close_date=draw(DATES if status is ListingStatus.CLOSED else st.none() | DATES),
        list_agent=draw(AGENTS),
        co_list_agent=draw(AGENTS),
        buyer_agent=draw(AGENTS),
        co_buyer_agent=draw(AGENTS),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Outcome]:
    """Draw a professional's way through the stages, with failures in between."""
    outcomes: list[Outcome] = [ProfilePage(Profile(agent_key=draw(st.sampled_from(["me", "o'hara", ""]))))]
    for usual, pages_max in ((ListingStatus.ACTIVE, 2), (ListingStatus.CLOSED, 4)):
        pages = draw(st.lists(st.lists(records(usual), max_size=10), min_size=1, max_size=pages_max))
        for number, page in enumerate(pages, start=1):
            outcomes += draw(st.lists(FAILURES, max_size=1))
            outcomes.append(ListingPage(tuple(page), "next" if number < len(pages) else None, draw(st.booleans())))
    return outcomes


@dataclass(frozen=True, slots=True)
class Fetched:
    """A professional that took some steps, and the raw rows of all of them."""

    professional: Professional
    raw_pages: tuple[RawPage, ...]


def fetched(batch: Batch, professional: Professional, outcomes: Sequence[Outcome]) -> Fetched:
    """Take one step for each outcome, keeping raw rows as `fetch_page` does."""
    pages = []
    for outcome in outcomes:
        if professional.is_final:
            break
        answered = exchange(repr(outcome).encode())
        page = RawPage(
            raw_id=raw_page_id(batch.batch_id, professional.professional_id, professional.step, answered),
            batch_id=batch.batch_id,
            professional_id=professional.professional_id,
            step=professional.step,
            stage=professional.stage,
            page=professional.page,
            outcome=type(outcome).__name__,
            detail=outcome_detail(outcome),
            agent_key=professional.agent_key,
            exchange=answered,
            records=page_records(outcome),
        )
        pages.append(page)
        professional = advance(professional, outcome, batch.parameters, NOON, page.raw_id)
    return Fetched(professional, tuple(pages))


class ReconciliationContract:
    """SQL, from raw rows, comes to the same figures as the state machine, or names the difference."""

    @pytest.fixture
    def warehouse(self) -> Warehouse:
        """Give a warehouse."""
        raise NotImplementedError

    @hypothesis.settings(
        # An example costs durable writes and queries. A hundred took two minutes on a machine with five times as much
        # to do as it can, and a test may take nine; to shrink one would take longer still.
        max_examples=min(30, hypothesis.settings().max_examples),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.reuse, hypothesis.Phase.generate],
        suppress_health_check=[
            hypothesis.HealthCheck.function_scoped_fixture,
            # One contract for several adapters: it is meant to be called from several classes.
            hypothesis.HealthCheck.differing_executors,
            # By the clock, as a deadline is: a busy machine is not a failing property.
            hypothesis.HealthCheck.too_slow,
        ],
    )
    @hypothesis.given(
        attribution=st.sampled_from(Attribution),
        is_early_stopped=st.booleans(),
        everybody=st.lists(histories(), min_size=1, max_size=3),
    )
    def test_figures_added_page_by_page_are_those_of_the_raw_rows(
        self,
        warehouse: Warehouse,
        *,
        attribution: Attribution,
        is_early_stopped: bool,
        everybody: list[list[Outcome]],
    ) -> None:
        parameters = replace(BATCH.parameters, attribution=attribution, early_stop=is_early_stopped)
        batch = replace(BATCH, batch_id=uuid4().hex, parameters=parameters)
        people = []
        for number, outcomes in enumerate(everybody):
            new = Professional(batch.batch_id, f"professional {number}", number, due_at=NOON)
            took = fetched(batch, new, outcomes)
            # Delivered twice, and the other way round: the warehouse owes the order of steps to nobody.
            for page in (*took.raw_pages[::-1], *took.raw_pages):
                warehouse.insert_raw_page(page)
            people.append(took.professional)

        warehouse.load_results(batch, people)

        assert () == warehouse.reconcile(batch, 10).missing_raw_ids
        assert () == warehouse.reconcile(batch, 10).differences

    @pytest.mark.parametrize("field", TAMPERED)
    def test_a_figure_that_is_not_what_the_raw_rows_say_is_named(self, warehouse: Warehouse, field: str) -> None:
        self.load_two_pages(warehouse, TAMPERED[field])

        expected = Difference(
            "agent-1", field, self.shown(TAMPERED[field], field), self.shown(TWO_PAGES_FIGURES, field)
        )
        assert (expected,) == warehouse.reconcile(BATCH, 100).differences

    def test_figures_that_are_what_the_raw_rows_say_are_not_named(self, warehouse: Warehouse) -> None:
        self.load_two_pages(warehouse, TWO_PAGES_FIGURES)

        assert () == warehouse.reconcile(BATCH, 100).differences

    def test_so_many_differences_are_named_as_were_asked_for(self, warehouse: Warehouse) -> None:
        self.load_two_pages(warehouse, Aggregate())

        assert 3 == len(warehouse.reconcile(BATCH, 3).differences)

    def test_a_raw_row_that_no_ledger_names_is_evidence_not_data(self, warehouse: Warehouse) -> None:
        self.load_two_pages(warehouse, TWO_PAGES_FIGURES)
        warehouse.insert_raw_page(raw_page(7, SALE._replace(key="L7")))

        assert () == warehouse.reconcile(BATCH, 100).differences

    def test_a_counted_raw_row_that_is_missing_is_a_difference(self, warehouse: Warehouse) -> None:
        warehouse.load_results(BATCH, [counting(raw_page(1, SALE), SALE_FIGURES)])

        named = {difference.field: difference for difference in warehouse.reconcile(BATCH, 100).differences}

        expected = {"half_cents", "half_sides", "sold_count", "sold_cents", "first_close", "last_close"}
        assert expected == named.keys()
        assert ("2026-05-01", "none") == (named["last_close"].stored, named["last_close"].recomputed)

    def test_a_listing_met_again_counts_as_it_was_first_met(self, warehouse: Warehouse) -> None:
        drifted = SALE._replace(close_price_cents=1, close_date=date(2026, 10, 1))
        pages = [raw_page(1, drifted, SALE._replace(key="L9")), raw_page(2, SALE, drifted)]
        ledger = tuple(CountedPage(page.step, Stage.HISTORICAL, page.step, page.raw_id) for page in pages[::-1])
        for page in pages:
            warehouse.insert_raw_page(page)
        figures = Aggregate(
            half_cents=2 + 2 * 390_000_00,
            half_sides=4,
            sold_count=2,
            sold_cents=1 + 390_000_00,
            first_close=date(2026, 5, 1),
            last_close=date(2026, 10, 1),
        )
        warehouse.load_results(BATCH, [replace(PROFESSIONAL, aggregate=figures, ledger=ledger)])

        assert () == warehouse.reconcile(BATCH, 100).differences

    def test_another_batch_and_another_grading_run_do_not_count(self, warehouse: Warehouse) -> None:
        self.load_two_pages(warehouse, TWO_PAGES_FIGURES)
        for other in (replace(BATCH, grading_run=2), replace(BATCH, batch_id="other")):
            warehouse.load_results(other, [replace(PROFESSIONAL, aggregate=Aggregate(sold_count=5))])

        assert () == warehouse.reconcile(BATCH, 100).differences

    # --- how the tests above speak

    def load_two_pages(self, warehouse: Warehouse, figures: Aggregate) -> None:
        sold = raw_page(2, *TWO_PAGES[0])
        active = replace(raw_page(1, *TWO_PAGES[1]), stage=Stage.ACTIVE)
        for page in (sold, active):
            warehouse.insert_raw_page(page)
        ledger = tuple(CountedPage(page.step, Stage(page.stage), 1, page.raw_id) for page in (active, sold))
        warehouse.load_results(BATCH, [replace(PROFESSIONAL, aggregate=figures, ledger=ledger)])

    def shown(self, figures: Aggregate, field: str) -> str:
        value: object = getattr(figures, field)
        return "none" if value is None else str(value)
