from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.listing import Listing, ListingStatus, Rejection
from prograde.domain.professional import CountedPage, Professional, Stage, State
from prograde.ports import ATTEMPT_BODY_MAX, Attempt, GradedRow, Run, Warehouse
from tests.contracts.specimens import AWKWARD, BATCH, NOON, PROFESSIONAL, SECOND, counting, professional, raw_page

SALE = Listing(
    key="L1",
    status=ListingStatus.CLOSED,
    is_sale=True,
    list_price_cents=400_000_00,
    close_price_cents=390_000_00,
    close_date=date(2026, 5, 1),
    list_agent="agent-1",
    co_list_agent=None,
    buyer_agent=None,
    co_buyer_agent=None,
)
SALE_FIGURES = Aggregate(
    half_cents=2 * 390_000_00,
    half_sides=2,
    sold_count=1,
    sold_cents=390_000_00,
    first_close=date(2026, 5, 1),
    last_close=date(2026, 5, 1),
)


class WarehouseContract:
    """What every Warehouse promises, reconciliation apart."""

    @pytest.fixture
    def warehouse(self) -> Warehouse:
        """Give an empty warehouse."""
        raise NotImplementedError

    # --- raw rows

    def test_it_answers(self, warehouse: Warehouse) -> None:
        warehouse.check()

    def test_there_are_no_raw_rows_before_the_first(self, warehouse: Warehouse) -> None:
        assert 0 == warehouse.reconcile(BATCH, 1).raw_pages

    def test_a_batch_has_its_own_raw_rows(self, warehouse: Warehouse) -> None:
        for step in range(3):
            warehouse.insert_raw_page(raw_page(step))
        warehouse.insert_raw_page(raw_page(0, batch_id="other"))

        assert 3 == warehouse.reconcile(BATCH, 1).raw_pages
        assert 1 == warehouse.reconcile(replace(BATCH, batch_id="other"), 1).raw_pages

    def test_the_same_raw_id_is_the_same_row(self, warehouse: Warehouse) -> None:
        once = raw_page(1, SALE)
        again = replace(once, exchange=replace(once.exchange, sent_at=NOON + SECOND, latency_ms=99.0))
        for page in (once, again, once):
            warehouse.insert_raw_page(page)
        self.load(warehouse, counting(once, SALE_FIGURES))

        assert 1 == warehouse.reconcile(BATCH, 1).raw_pages
        assert () == warehouse.reconcile(BATCH, 10).differences

    def test_raw_rows_that_come_at_once_are_all_kept(self, warehouse: Warehouse) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(warehouse.insert_raw_page, [raw_page(step) for step in range(64)]))

        assert 64 == warehouse.reconcile(BATCH, 1).raw_pages

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xff\xfe\x00 no text", AWKWARD.encode(), b"\x00" * 1_000_000, "🏡".encode() * 2_500_000],
        ids=["empty", "not utf-8", "awkward", "a million zeros", "10 MB"],
    )
    def test_a_raw_row_is_kept_whatever_its_body(self, warehouse: Warehouse, body: bytes) -> None:
        pages = [raw_page(1, SALE), raw_page(2, body=body), raw_page(3)]
        for page in pages:
            warehouse.insert_raw_page(page)

        assert 3 == warehouse.reconcile(BATCH, 1).raw_pages

    def test_text_in_a_raw_row_counts_as_it_is(self, warehouse: Warehouse) -> None:
        agent = AWKWARD.strip()
        page = replace(
            raw_page(1, SALE._replace(key=AWKWARD, list_agent=agent), Rejection(AWKWARD, AWKWARD)),
            professional_id=agent,
            agent_key=agent,
        )
        counted = replace(counting(page, replace(SALE_FIGURES, rejected_records=1)), professional_id=agent)
        warehouse.insert_raw_page(page)
        self.load(warehouse, counted)

        assert () == warehouse.reconcile(BATCH, 10).differences

    # --- the calls of one professional

    def test_nobody_was_asked_for_before_the_first_call(self, warehouse: Warehouse) -> None:
        assert () == warehouse.attempts(BATCH.batch_id, "agent-1")

    def test_an_attempt_tells_what_was_asked_and_what_came_back(self, warehouse: Warehouse) -> None:
        why = f"malformed: {AWKWARD}"
        page = replace(raw_page(4, SALE, body=b"no JSON"), page=3, outcome="Failure", detail=why)
        warehouse.insert_raw_page(page)

        expected = Attempt(
            raw_id=page.raw_id,
            step=4,
            stage="historical",
            page=3,
            outcome="Failure",
            detail=why,
            sent_at=NOON,
            latency_ms=12.5,
            url=page.exchange.url,
            status=200,
            body="no JSON",
            agent_key=page.agent_key,
            records=page.records,
        )
        (attempt,) = warehouse.attempts(BATCH.batch_id, "agent-1")
        assert expected == attempt
        assert timedelta() == attempt.sent_at.utcoffset()

    def test_attempts_come_in_the_order_of_their_steps_and_then_of_their_time(self, warehouse: Warehouse) -> None:
        first, second = raw_page(2, body=b"first"), raw_page(2, body=b"second")
        second = replace(second, exchange=replace(second.exchange, sent_at=NOON + SECOND))
        for page in (raw_page(10), second, raw_page(1), first):
            warehouse.insert_raw_page(page)

        attempts = warehouse.attempts(BATCH.batch_id, "agent-1")

        assert [1, 2, 2, 10] == [attempt.step for attempt in attempts]
        assert ["first", "second"] == [attempt.body for attempt in attempts[1:3]]

    def test_attempts_are_one_professionals_of_one_batch(self, warehouse: Warehouse) -> None:
        for page in (
            raw_page(1),
            replace(raw_page(2), professional_id="agent-10"),
            replace(raw_page(3), professional_id=AWKWARD, agent_key=AWKWARD),
            raw_page(4, batch_id="other"),
        ):
            warehouse.insert_raw_page(page)

        steps = {
            who: [attempt.step for attempt in warehouse.attempts(BATCH.batch_id, who)]
            for who in ("agent-1", AWKWARD, "agent", "%")
        }
        assert {"agent-1": [1], AWKWARD: [3], "agent": [], "%": []} == steps

    def test_the_same_raw_id_is_one_attempt_the_earliest(self, warehouse: Warehouse) -> None:
        once = raw_page(1)
        again = replace(once, exchange=replace(once.exchange, sent_at=NOON + SECOND))
        for page in (again, once, again):
            warehouse.insert_raw_page(page)

        assert [NOON] == [attempt.sent_at for attempt in warehouse.attempts(BATCH.batch_id, "agent-1")]

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            (b"", ""),
            (AWKWARD.encode(), AWKWARD),
            (b"x" * 1_000_000, "x" * ATTEMPT_BODY_MAX),
            ("🏡".encode() * 3_000, "🏡" * ATTEMPT_BODY_MAX),
            (b"\xff\xfe", "//4="),
        ],
        ids=["empty", "awkward", "a megabyte", "characters, not bytes", "no text"],
    )
    def test_a_body_is_shown_as_far_as_people_read(self, warehouse: Warehouse, body: bytes, shown: str) -> None:
        warehouse.insert_raw_page(raw_page(1, body=body))

        assert [shown] == [attempt.body for attempt in warehouse.attempts(BATCH.batch_id, "agent-1")]

    # --- what a ledger counts and no query can see

    def test_a_counted_raw_row_that_is_not_there_is_named(self, warehouse: Warehouse) -> None:
        there, missing = raw_page(1), raw_page(2)
        warehouse.insert_raw_page(there)
        ledger = tuple(CountedPage(page.step, Stage.HISTORICAL, 1, page.raw_id) for page in (there, missing))
        self.load(warehouse, replace(PROFESSIONAL, ledger=ledger))

        assert (missing.raw_id,) == warehouse.reconcile(BATCH, 10).missing_raw_ids
        warehouse.insert_raw_page(missing)
        assert () == warehouse.reconcile(BATCH, 10).missing_raw_ids

    def test_so_many_missing_raw_rows_are_named_as_were_asked_for(self, warehouse: Warehouse) -> None:
        ledger = tuple(CountedPage(step, Stage.HISTORICAL, step, raw_page(step).raw_id) for step in range(5))
        self.load(warehouse, replace(PROFESSIONAL, ledger=ledger))

        missing = warehouse.reconcile(BATCH, 3).missing_raw_ids

        assert 3 == len(missing)
        assert {line.raw_id for line in ledger} >= set(missing)

    def test_nothing_is_missing_where_nothing_was_counted(self, warehouse: Warehouse) -> None:
        assert () == warehouse.reconcile(BATCH, 10).missing_raw_ids
        self.load(warehouse, PROFESSIONAL)
        assert () == warehouse.reconcile(BATCH, 10).missing_raw_ids

    # --- results and grades

    def test_loading_says_how_many(self, warehouse: Warehouse) -> None:
        everybody = [professional(f"agent-{number}") for number in range(3)]

        assert 3 == warehouse.load_results(BATCH, iter(everybody))
        assert 3 == warehouse.load_grades(BATCH, (self.graded(person, 0) for person in everybody))
        assert 0 == warehouse.load_results(BATCH, [])

    def test_loading_again_replaces_what_an_earlier_try_loaded(self, warehouse: Warehouse) -> None:
        self.load(warehouse, professional("first"), professional("second"))

        self.load(warehouse, replace(professional("second"), calls=7))

        assert [("second", 7)] == [
            (row.professional.professional_id, row.professional.calls) for row in warehouse.ranked(BATCH)
        ]

    def test_a_try_that_breaks_off_leaves_the_earlier_one(self, warehouse: Warehouse) -> None:
        self.load(warehouse, professional("first"))

        def broken() -> Iterator[Professional]:
            yield professional("second")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            warehouse.load_results(BATCH, broken())

        assert ["first"] == [row.professional.professional_id for row in warehouse.ranked(BATCH)]

    def test_each_grading_run_has_its_own_results_and_grades(self, warehouse: Warehouse) -> None:
        second = replace(BATCH, grading_run=2)
        self.load(warehouse, professional("first"))
        self.load(warehouse, professional("second"), batch=second)

        assert ["first"] == [row.professional.professional_id for row in warehouse.ranked(BATCH)]
        assert ["second"] == [row.professional.professional_id for row in warehouse.ranked(second)]

    # --- the export's order

    def test_nobody_is_ranked_before_results_and_grades_are_loaded(self, warehouse: Warehouse) -> None:
        assert [] == list(warehouse.ranked(BATCH))

    def test_a_professional_comes_back_as_loaded_with_grade_and_reasons(self, warehouse: Warehouse) -> None:
        awkward = replace(
            PROFESSIONAL,
            professional_id=AWKWARD,
            cursor=AWKWARD,
            aggregate=replace(SALE_FIGURES, seen=bytes(range(256))),
            ledger=(CountedPage(2, Stage.HISTORICAL, 1, "raw"),),
        )
        warehouse.load_results(BATCH, [awkward])
        warehouse.load_grades(BATCH, [GradedRow(AWKWARD, "A+", 0, (AWKWARD, "", "third"))])

        (row,) = warehouse.ranked(BATCH)

        assert (1, "A+", (AWKWARD, "", "third"), awkward) == (row.rank, row.grade, row.reasons, row.professional)

    def test_ranks_go_by_tier_then_volume_then_sides_and_ties_share_one(self, warehouse: Warehouse) -> None:
        figures = {"a": (0, 10, 1), "b": (0, 30, 1), "c": (0, 10, 2), "d": (0, 10, 1), "e": (1, 99, 9), "f": (1, 0, 0)}
        people = [self.sold(name, cents, sides) for name, (_, cents, sides) in figures.items()]
        warehouse.load_results(BATCH, people)
        warehouse.load_grades(BATCH, [self.graded(person, figures[person.professional_id][0]) for person in people])

        assert [(1, "b"), (2, "c"), (3, "a"), (3, "d"), (5, "e"), (6, "f")] == self.ranks(warehouse)

    def test_floors_share_the_first_rank_of_their_grade_and_stand_by_id(self, warehouse: Warehouse) -> None:
        people = [
            self.sold("best", 900, 9),
            self.sold("z", 10, 1, is_floor=True),
            self.sold("exact", 800, 9),
            self.sold("é", 500, 5, is_floor=True),
            self.sold("next tier", 5, 1, is_floor=True),
            self.sold("last", 4, 1),
        ]
        tiers = {"best": 0, "next tier": 2, "last": 2}
        warehouse.load_results(BATCH, people)
        warehouse.load_grades(BATCH, [self.graded(person, tiers.get(person.professional_id, 1)) for person in people])

        expected = [(1, "best"), (2, "z"), (2, "é"), (4, "exact"), (5, "next tier"), (6, "last")]
        assert expected == self.ranks(warehouse)

    def test_the_ungraded_come_last_without_a_rank_by_id_in_code_point_order(self, warehouse: Warehouse) -> None:
        ungraded = ["\U0001f3e1", "\uffed", "a", "Z", "é"]
        people = [*(self.sold(name, 999, 9) for name in ungraded), self.sold("graded", 0, 0)]
        warehouse.load_results(BATCH, people)
        warehouse.load_grades(
            BATCH, [self.graded(person, 0 if person.professional_id == "graded" else -1) for person in people]
        )

        assert [(1, "graded"), *((None, name) for name in sorted(ungraded))] == self.ranks(warehouse)

    def test_more_rows_are_ranked_than_are_held_in_memory(self, warehouse: Warehouse) -> None:
        people = [self.sold(f"agent-{number:04}", 5_000 - number, 1) for number in range(2_500)]
        self.load(warehouse, *people)

        assert [(index + 1, person.professional_id) for index, person in enumerate(people)] == self.ranks(warehouse)

    def test_reading_the_ranks_may_break_off(self, warehouse: Warehouse) -> None:
        self.load(warehouse, *(self.sold(f"agent-{number:04}", 1, 1) for number in range(1_500)))

        rows = warehouse.ranked(BATCH)

        assert "agent-0000" == next(rows).professional.professional_id
        assert 1_500 == sum(1 for _ in warehouse.ranked(BATCH))

    # --- what the operations team reads

    def test_a_batch_and_a_run_can_be_appended_again_and_again(self, warehouse: Warehouse) -> None:
        for status in BatchStatus:
            warehouse.append_batch(replace(BATCH, status=status, reason=AWKWARD), NOON)
        run = Run(
            batch_id=BATCH.batch_id,
            grading_run=1,
            source=BATCH.source,
            source_sha256=BATCH.source_sha256,
            roster_sha256=BATCH.roster.sha256,
            parameters=BATCH.parameters,
            code_version="2026.11.0",
            started_at=NOON,
            finished_at=NOON + SECOND,
            professionals=1,
            raw_pages=1,
            calls=1,
            differences=0,
            export_prefix="exports/north/001",
            export_digest="0",
        )
        for _ in range(2):
            warehouse.append_run(run)

    # --- how the tests above speak

    def load(self, warehouse: Warehouse, *people: Professional, batch: Batch = BATCH) -> None:
        assert len(people) == warehouse.load_results(batch, people)
        warehouse.load_grades(batch, (self.graded(person, 0) for person in people))

    def ranks(self, warehouse: Warehouse) -> list[tuple[int | None, str]]:
        return [(row.rank, row.professional.professional_id) for row in warehouse.ranked(BATCH)]

    def sold(self, name: str, cents: int, sides: int, *, is_floor: bool = False) -> Professional:
        aggregate = Aggregate(half_cents=cents, half_sides=sides)
        return replace(professional(name), state=State.DONE, aggregate=aggregate, volume_is_floor=is_floor)

    def graded(self, person: Professional, tier: int) -> GradedRow:
        return GradedRow(person.professional_id, "ABC"[tier] if tier >= 0 else "", tier, ("because",))
