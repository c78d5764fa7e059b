from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.batch import COUNTERS, Batch
from prograde.domain.counter import Counter
from prograde.domain.professional import State
from prograde.errors import NotFoundError
from prograde.ports import BatchStore, Place
from prograde.use_cases.read_batch import RATE_OVER, read_batches, read_progress
from tests.use_cases.bench import Bench

MINUTE = timedelta(minutes=1)


class CountedReads:
    """A batch store that counts the documents it reads."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self.reads = 0

    def batch(self, batch_id: str) -> Batch | None:
        self.reads += 1
        return self._store.batch(batch_id)

    def counters(self, batch_id: str) -> tuple[Counter, ...]:
        found = self._store.counters(batch_id)
        self.reads += len(found)
        return found

    def newest(self, after: Place | None, limit: int) -> Sequence[Batch]:
        found = self._store.newest(after, limit)
        self.reads += len(found)
        return found


@pytest.mark.parametrize("professionals", [1, 40])
def test_a_batch_costs_seventeen_reads_however_many_professionals_there_are(bench: Bench, professionals: int) -> None:
    batch = bench.start(*(f"A{number}" for number in range(professionals)))
    store = CountedReads(bench.services.store)

    read_progress(store, batch.batch_id)  # type: ignore[arg-type]  # it reads nothing else

    assert 1 + COUNTERS == 17 == store.reads


def test_a_list_costs_one_read_a_batch_and_one_that_tells_if_more_follow(bench: Bench) -> None:
    for number in range(3):
        bench.clock.sleep(1.0)
        bench.start(f"A{number}")
    store = CountedReads(bench.services.store)

    page = read_batches(store, None, 2)  # type: ignore[arg-type]  # it reads nothing else

    assert (2, 3) == (len(page.batches), store.reads)
    assert 1 == len(read_batches(bench.services.store, page.next, 2).batches)


def test_a_batch_that_there_is_not_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        read_progress(bench.services.store, "nowhere-1")


def test_the_rate_is_that_of_the_last_two_minutes_and_tells_how_long_it_takes(bench: Bench) -> None:
    batch = bench.start(*(f"A{number}" for number in range(100)))
    assert read_progress(bench.services.store, batch.batch_id).remaining(bench.clock.now()) is None
    for professional in bench.people()[:60]:
        bench.clock.sleep(1.0)
        close(bench, professional.professional_id)

    progress = read_progress(bench.services.store, batch.batch_id)
    now = bench.clock.now()

    assert (40, 60) == (progress.open, progress.ended)
    assert progress.ended_per_second(now) == pytest.approx(1.0, rel=0.05)
    assert progress.remaining(now) == timedelta(seconds=round(40 / (progress.ended_per_second(now) or 0)))
    assert progress.ended_per_second(now + RATE_OVER + MINUTE) is None
    assert progress.remaining(now + RATE_OVER + MINUTE) is None


@pytest.mark.parametrize(
    ("total", "ended", "is_rough"), [(100, 19, True), (100, 20, False), (5_000, 49, True), (5_000, 50, False)]
)
def test_few_tell_the_remaining_time_roughly(bench: Bench, total: int, ended: int, *, is_rough: bool) -> None:
    batch = bench.start("A1")
    progress = read_progress(bench.services.store, batch.batch_id)

    assert is_rough == replace(progress, total=total, open=total - ended).is_rough


def close(bench: Bench, professional_id: str) -> None:
    """End a professional as a page task would."""
    batch, professional = bench.batch(), bench.professional(professional_id)
    ended = replace(professional, state=State.DONE, step=professional.step + 1, calls=3)
    counter = bench.services.store.counters(batch.batch_id)[professional.sequence % batch.counters]
    closed = counter.closed_one(ended, "F", bench.clock.now())

    def write(transaction: object) -> None:
        transaction.put_counter(batch.batch_id, closed)  # type: ignore[attr-defined]  # a Transaction
        transaction.put_professional(ended)  # type: ignore[attr-defined]  # as above

    bench.services.store.transact(write)
