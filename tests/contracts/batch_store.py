from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.professional import State
from prograde.errors import CorruptionError
from prograde.ports import WRITTEN_MAX, BatchStore, Place, Transaction
from tests.contracts.specimens import AWKWARD, BATCH, COUNTERS, LARGEST, NOON, PROFESSIONAL, SECOND, professional

DONE = replace(PROFESSIONAL, state=State.DONE)


class BatchStoreContract:
    """What every BatchStore promises."""

    @pytest.fixture
    def store(self) -> BatchStore:
        """Give an empty store."""
        raise NotImplementedError

    @pytest.fixture
    def seeded(self, store: BatchStore) -> BatchStore:
        assert store.create_batch(BATCH, COUNTERS)
        store.create_professionals([PROFESSIONAL])
        return store

    def test_it_answers(self, store: BatchStore) -> None:
        store.check()

    # --- transactions

    def test_a_transaction_commits_all_it_wrote_and_returns_what_its_callback_returned(
        self, seeded: BatchStore
    ) -> None:
        batch = replace(BATCH, status=BatchStatus.PAUSED)
        counter = COUNTERS[3].closed_one(DONE, "A+", NOON)
        advanced = replace(PROFESSIONAL, step=1)

        def write(transaction: Transaction) -> str:
            transaction.put_batch(batch)
            transaction.put_counter(BATCH.batch_id, counter)
            transaction.put_professional(advanced)
            return "written"

        assert "written" == seeded.transact(write)
        assert batch == seeded.batch(BATCH.batch_id)
        assert counter == seeded.counters(BATCH.batch_id)[3]
        assert advanced == seeded.professional(BATCH.batch_id, "agent-1")

    def test_a_transaction_that_raises_changes_nothing_and_its_exception_passes_through(
        self, seeded: BatchStore
    ) -> None:
        class Crash(BaseException): ...

        def crash(transaction: Transaction) -> None:
            transaction.put_batch(replace(BATCH, status=BatchStatus.PAUSED))
            transaction.put_counter(BATCH.batch_id, COUNTERS[0].closed_one(DONE, None, NOON))
            transaction.put_professional(replace(PROFESSIONAL, step=1))
            transaction.put_professional(professional("another"))
            raise Crash

        with pytest.raises(Crash):
            seeded.transact(crash)

        assert BATCH == seeded.batch(BATCH.batch_id)
        assert COUNTERS == seeded.counters(BATCH.batch_id)
        assert [PROFESSIONAL] == list(seeded.professionals(BATCH.batch_id))

    def test_a_transaction_takes_as_many_of_the_largest_professionals_as_it_may_write(self, seeded: BatchStore) -> None:
        crowd = [replace(LARGEST, professional_id=f"{number:0255}") for number in range(WRITTEN_MAX)]

        def write(transaction: Transaction) -> None:
            transaction.put_batch(BATCH)
            for counter in COUNTERS:
                transaction.put_counter(BATCH.batch_id, counter)
            for each in crowd:
                transaction.put_professional(each)

        seeded.transact(write)

        assert crowd[-1] == seeded.professional(BATCH.batch_id, crowd[-1].professional_id)

    def test_a_transaction_works_after_one_that_raised(self, seeded: BatchStore) -> None:
        with pytest.raises(ZeroDivisionError):
            seeded.transact(lambda _: 1 // 0)

        seeded.transact(lambda transaction: transaction.put_professional(replace(PROFESSIONAL, step=1)))

        stored = seeded.professional(BATCH.batch_id, "agent-1")
        assert stored is not None
        assert 1 == stored.step

    def test_a_transaction_reads_what_is_stored(self, seeded: BatchStore) -> None:
        def read(transaction: Transaction) -> tuple[object, ...]:
            return (
                transaction.batch(BATCH.batch_id),
                transaction.counter(BATCH.batch_id, 7),
                transaction.professional(BATCH.batch_id, "agent-1"),
                transaction.batch("unknown"),
                transaction.professional(BATCH.batch_id, "unknown"),
                transaction.professional("unknown", "agent-1"),
            )

        assert (BATCH, COUNTERS[7], PROFESSIONAL, None, None, None) == seeded.transact(read)

    def test_a_counter_that_is_not_there_is_corruption(self, seeded: BatchStore) -> None:
        with pytest.raises(CorruptionError):
            seeded.transact(lambda transaction: transaction.counter(BATCH.batch_id, len(COUNTERS)))

    def test_concurrent_transactions_lose_no_update(self, seeded: BatchStore) -> None:
        def close_one(_: int) -> None:
            def callback(transaction: Transaction) -> None:
                counter = transaction.counter(BATCH.batch_id, 0)
                stored = transaction.professional(BATCH.batch_id, "agent-1")
                assert stored is not None
                transaction.put_counter(BATCH.batch_id, counter.closed_one(DONE, "A", NOON))
                transaction.put_professional(replace(stored, step=stored.step + 1))

            seeded.transact(callback)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(close_one, range(80)))

        counter = seeded.counters(BATCH.batch_id)[0]
        stored = seeded.professional(BATCH.batch_id, "agent-1")
        assert stored is not None
        assert (COUNTERS[0].pending - 80, 80, 80) == (counter.pending, counter.by_grade["A"], stored.step)

    # --- creating

    def test_a_batch_is_created_with_its_counters(self, store: BatchStore) -> None:
        assert store.create_batch(BATCH, COUNTERS)

        assert BATCH == store.batch(BATCH.batch_id)
        assert COUNTERS == store.counters(BATCH.batch_id)

    def test_a_batch_is_created_once(self, seeded: BatchStore) -> None:
        other = replace(BATCH, source="south")

        assert not seeded.create_batch(other, [counter.closed_one(DONE, None, NOON) for counter in COUNTERS])

        assert BATCH == seeded.batch(BATCH.batch_id)
        assert COUNTERS == seeded.counters(BATCH.batch_id)

    def test_of_many_who_create_a_batch_at_once_one_does(self, store: BatchStore) -> None:
        batches = [replace(BATCH, source=f"source-{index}") for index in range(8)]

        with ThreadPoolExecutor(8) as threads:
            created = list(threads.map(lambda batch: store.create_batch(batch, COUNTERS), batches))

        assert [True] == [is_created for is_created in created if is_created]
        assert batches[created.index(True)] == store.batch(BATCH.batch_id)

    def test_a_professional_that_exists_keeps_its_progress(self, seeded: BatchStore) -> None:
        advanced = replace(PROFESSIONAL, step=5)
        seeded.transact(lambda transaction: transaction.put_professional(advanced))

        seeded.create_professionals([professional("agent-0"), PROFESSIONAL, professional("agent-2")])

        assert [professional("agent-0"), advanced, professional("agent-2")] == list(
            seeded.professionals(BATCH.batch_id)
        )

    def test_creating_nobody_changes_nothing(self, store: BatchStore) -> None:
        store.create_professionals([])

        assert [] == list(store.professionals(BATCH.batch_id))

    # --- reading

    def test_what_is_not_there_reads_as_nothing(self, store: BatchStore) -> None:
        assert store.batch("unknown") is None
        assert () == store.counters("unknown")
        assert store.professional("unknown", "agent-1") is None
        assert [] == list(store.professionals("unknown"))
        assert [] == list(store.batches())
        assert [] == list(store.unfinished())

    def test_batches_come_newest_first(self, store: BatchStore) -> None:
        for age in (2, 0, 3, 1):
            store.create_batch(replace(BATCH, batch_id=f"batch-{age}", created_at=NOON - age * SECOND), COUNTERS)

        assert ["batch-0", "batch-1", "batch-2", "batch-3"] == [batch.batch_id for batch in store.batches()]

    def test_the_unfinished_are_those_that_are_not_over_newest_first(self, store: BatchStore) -> None:
        for age, status in enumerate(BatchStatus):
            store.create_batch(
                replace(BATCH, batch_id=str(status), status=status, created_at=NOON - age * SECOND), COUNTERS
            )
        unfinished = [BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.DRAINING, BatchStatus.FINALIZING]

        assert unfinished == [batch.status for batch in store.unfinished()]

    def test_a_batch_that_is_over_and_runs_again_is_unfinished_from_then_on(self, store: BatchStore) -> None:
        store.create_batch(BATCH, COUNTERS)
        for status, unfinished in ((BatchStatus.COMPLETE, []), (BatchStatus.RUNNING, [BATCH])):
            changed = replace(BATCH, status=status)

            def put(transaction: Transaction, batch: Batch = changed) -> None:
                transaction.put_batch(batch)

            store.transact(put)
            assert unfinished == list(store.unfinished())

    def test_the_newest_batches_come_a_page_at_a_time(self, store: BatchStore) -> None:
        ages = {"batch-a": 2, "batch-b": 0, "batch-c": 2, "batch-d": 1, "batch-e": 2}
        for batch_id, age in ages.items():
            store.create_batch(replace(BATCH, batch_id=batch_id, created_at=NOON - age * SECOND), COUNTERS)

        pages: list[list[str]] = []
        place: Place | None = None
        while page := store.newest(place, 2):
            pages.append([batch.batch_id for batch in page])
            place = Place(page[-1].created_at, page[-1].batch_id)

        assert [["batch-b", "batch-d"], ["batch-e", "batch-c"], ["batch-a"]] == pages

    def test_counters_come_in_order_of_their_index(self, store: BatchStore) -> None:
        store.create_batch(BATCH, COUNTERS[::-1])

        assert list(range(len(COUNTERS))) == [counter.index for counter in store.counters(BATCH.batch_id)]

    def test_professionals_come_in_code_point_order(self, store: BatchStore) -> None:
        # Sorted by a locale, by UTF-16 code units or without case, these stand otherwise.
        ids = ["10", "9", "A", "Z", "a", "a b", "a-b", "z", "é", "中", "\ufb01", "\uffed", "\U00010000", "\U0001f3e1"]
        assert ids == sorted(ids)
        store.create_professionals([professional(professional_id) for professional_id in ids[::-1]])

        assert ids == [stored.professional_id for stored in store.professionals(BATCH.batch_id)]

    def test_more_professionals_stream_than_are_held_in_memory(self, store: BatchStore) -> None:
        everybody = [professional(f"agent-{number:04}") for number in range(1_250)]
        for start in range(0, len(everybody), 500):
            store.create_professionals(everybody[start : start + 500])

        assert everybody == list(store.professionals(BATCH.batch_id))

    def test_a_batch_has_its_own_professionals(self, seeded: BatchStore) -> None:
        elsewhere = replace(PROFESSIONAL, batch_id="other", step=9)
        seeded.create_professionals([elsewhere])

        assert [PROFESSIONAL] == list(seeded.professionals(BATCH.batch_id))
        assert elsewhere == seeded.professional("other", "agent-1")

    def test_text_comes_back_as_it_was(self, store: BatchStore) -> None:
        awkward = replace(PROFESSIONAL, professional_id=AWKWARD, cursor=AWKWARD, last_failure=AWKWARD)
        store.create_batch(replace(BATCH, reason=AWKWARD), COUNTERS)
        store.create_professionals([awkward])

        batch = store.batch(BATCH.batch_id)
        assert batch is not None
        assert AWKWARD == batch.reason
        assert awkward == store.professional(BATCH.batch_id, AWKWARD)

    # --- selecting

    def test_the_overdue_are_open_and_due_before_the_moment_the_longest_first(self, store: BatchStore) -> None:
        microsecond = timedelta(microseconds=1)
        late, later, latest = (
            replace(professional(name), due_at=NOON - age * microsecond)
            for name, age in (("late", 1), ("later", 2), ("latest", 3))
        )
        final = replace(professional("final"), due_at=NOON - SECOND, state=State.DONE)
        store.create_professionals(
            [late, latest, later, final, replace(professional("on time"), due_at=NOON), replace(late, batch_id="other")]
        )

        assert (latest, later, late) == store.due_before(BATCH.batch_id, NOON, 10)
        assert (latest, later) == store.due_before(BATCH.batch_id, NOON, 2)
        assert () == store.due_before(BATCH.batch_id, NOON - SECOND, 10)

    def test_who_moves_on_is_no_longer_overdue(self, seeded: BatchStore) -> None:
        moment = NOON + SECOND
        assert (PROFESSIONAL,) == seeded.due_before(BATCH.batch_id, moment, 10)

        seeded.transact(lambda transaction: transaction.put_professional(replace(PROFESSIONAL, due_at=moment)))

        assert () == seeded.due_before(BATCH.batch_id, moment, 10)

    def test_those_in_a_state_come_by_their_id_a_page_at_a_time(self, store: BatchStore) -> None:
        first, second, third = (professional(name) for name in ("Z", "a", "é"))
        failed = replace(professional("failed"), state=State.FAILED)
        store.create_professionals([third, failed, first, second, replace(first, batch_id="other")])

        assert (first, second, third) == store.in_state(BATCH.batch_id, State.OPEN, "", 10)
        assert (first, second) == store.in_state(BATCH.batch_id, State.OPEN, "", 2)
        assert (third,) == store.in_state(BATCH.batch_id, State.OPEN, second.professional_id, 2)
        assert (failed,) == store.in_state(BATCH.batch_id, State.FAILED, "", 10)
        assert () == store.in_state(BATCH.batch_id, State.FAILED, failed.professional_id, 10)

    def test_professionals_are_found_from_an_id_on(self, store: BatchStore) -> None:
        first, second, third = (professional(name) for name in ("Z", "a", "a/b"))
        store.create_professionals([third, first, second, replace(first, batch_id="other")])

        assert (second, third) == store.from_id(BATCH.batch_id, "a", 10)
        assert (second,) == store.from_id(BATCH.batch_id, "[", 1)
        assert () == store.from_id(BATCH.batch_id, "b", 10)

    def test_who_ends_changes_state(self, seeded: BatchStore) -> None:
        done = replace(PROFESSIONAL, state=State.DONE)
        seeded.transact(lambda transaction: transaction.put_professional(done))

        assert () == seeded.in_state(BATCH.batch_id, State.OPEN, "", 10)
        assert (done,) == seeded.in_state(BATCH.batch_id, State.DONE, "", 10)

    # --- the watermark

    def test_there_is_no_watermark_before_the_first_sounding(self, store: BatchStore) -> None:
        assert store.watermark("north") is None

    def test_the_watermark_never_sinks(self, store: BatchStore) -> None:
        for age in (2, 1, 3, 1, 5):
            store.raise_watermark("north", NOON - age * SECOND, NOON)

        assert NOON - SECOND == store.watermark("north")

    def test_a_watermark_that_lies_ahead_of_the_present_is_replaced(self, store: BatchStore) -> None:
        store.raise_watermark("north", NOON + SECOND, NOON + SECOND)
        store.raise_watermark("north", NOON - SECOND, NOON)

        assert NOON - SECOND == store.watermark("north")

    def test_each_source_has_a_watermark_of_its_own(self, store: BatchStore) -> None:
        store.raise_watermark("north", NOON, NOON)
        store.raise_watermark("south", NOON - SECOND, NOON)

        assert (NOON, NOON - SECOND) == (store.watermark("north"), store.watermark("south"))
