"""Starting a batch: what an idempotency key promises, and what a crash leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from prograde.domain.batch import BatchStatus
from prograde.errors import ConflictError, UnavailableError
from prograde.use_cases.start_batch import Order, source_blob, start_batch
from tests.contracts.specimens import PARAMETERS
from tests.use_cases.bench import Bench, an_order
from tests.use_cases.interruptions import AtCall, Crash


@pytest.mark.parametrize("professionals", [1, 15, 16, 17])
def test_counters_that_were_dealt_nobody_do_not_keep_the_batch_from_ending(bench: Bench, professionals: int) -> None:
    batch = bench.start(*(f"A{number}" for number in range(professionals)))
    assert max(0, 16 - professionals) == batch.drained
    assert professionals == bench.pending()

    ended = bench.run()

    assert (BatchStatus.COMPLETE, 16, 0) == (ended.status, ended.drained, bench.pending())


def test_the_same_key_and_order_are_the_same_batch_as_it_stands(bench: Bench) -> None:
    start_batch(bench.services, an_order("A1", key="2026-Q4"))
    bench.deliver(bench.due()[0])
    before = bench.batch(), bench.professional("A1")
    bench.clock.sleep(86_400.0)
    bench.due()  # and by now the names of delivered tasks are forgotten

    again = start_batch(bench.services, an_order("A1", key="2026-Q4"))

    assert before == (again, bench.professional("A1"))
    assert [] == bench.due()
    assert 1 == len(list(bench.services.store.batches()))


def test_the_same_order_on_another_day_keeps_the_first_days_defaults(bench: Bench) -> None:
    first = start_batch(bench.services, an_order("A1", key="2026-Q4"))
    today = replace(PARAMETERS, as_of=date(2026, 11, 2))

    again = start_batch(bench.services, an_order("A1", key="2026-Q4", parameters=today))

    assert first == again


@pytest.mark.parametrize(
    "other",
    [lambda: an_order("A2", key="2026-Q4"), lambda: an_order("A1", key="2026-Q4", source_text="north: 2")],
    ids=["roster", "source file"],
)
def test_a_key_with_another_order_is_refused_and_changes_nothing(bench: Bench, other: Callable[[], Order]) -> None:
    first = start_batch(bench.services, an_order("A1", key="2026-Q4"))

    with pytest.raises(ConflictError, match="use a new key"):
        start_batch(bench.services, other())

    assert [first] == list(bench.services.store.batches())
    assert b"A1\n" == bench.services.blobs.read(first.roster.blob)
    assert b"north: 1" == bench.services.blobs.read(source_blob(first))
    assert ["A1"] == [who.professional_id for who in bench.services.store.professionals(first.batch_id)]


def test_another_key_is_another_batch(bench: Bench) -> None:
    ids = {start_batch(bench.services, an_order("A1", key=key)).batch_id for key in ("2026-Q3", "2026-Q4")}

    assert 2 == len(ids)


def test_a_key_is_good_for_one_source_and_starts_another_batch_of_another(bench: Bench) -> None:
    orders = (replace(an_order("A1", key="2026-Q4"), source=source) for source in ("north", "south"))
    ids = {start_batch(bench.services, order).batch_id for order in orders}

    assert 2 == len(ids)


def test_an_order_without_a_key_is_a_new_batch_each_time(bench: Bench) -> None:
    first = bench.start("A1")
    bench.clock.sleep(1.0)

    assert first.batch_id != bench.start("A1").batch_id


def test_a_key_whose_first_attempt_died_before_the_batch_takes_another_roster_and_source(bench: Bench) -> None:
    with pytest.raises(Crash):
        start_batch(bench.dying_before("store.create_batch"), an_order("A1", "A2", key="2026-Q4"))
    assert [] == list(bench.services.store.batches())

    batch = start_batch(bench.services, an_order("B1", key="2026-Q4", source_text="north: 2"))

    assert ["B1"] == [who.professional_id for who in bench.services.store.professionals(batch.batch_id)]
    assert b"north: 2" == bench.services.blobs.read(source_blob(batch))
    assert BatchStatus.COMPLETE == bench.run().status


@pytest.mark.parametrize("verb", ["store.create_professionals", "queue.enqueue", "store.transact"])
def test_an_order_repeated_after_a_crash_seeds_what_is_missing(bench: Bench, verb: str) -> None:
    with pytest.raises(Crash):
        start_batch(bench.dying_before(verb), an_order("A1", key="2026-Q4"))

    start_batch(bench.services, an_order("A1", key="2026-Q4"))

    assert BatchStatus.COMPLETE == bench.run().status
    assert 3 == bench.professional("A1").calls


def test_what_does_not_answer_is_told_before_anything_is_kept(bench: Bench) -> None:
    def fail() -> None:
        raise UnavailableError("the queue is not there")

    services = bench.before("queue.check", fail)

    with pytest.raises(UnavailableError, match="the queue is not there"):
        start_batch(services, an_order("A1"))

    assert [] == list(bench.services.store.batches())
    assert [] == list((bench.folder / "blobs").rglob("*.txt"))


def unready() -> None:
    raise UnavailableError("the queue is not there")


def test_an_order_whose_batch_has_begun_is_answered_while_something_is_not_ready(bench: Bench) -> None:
    begun = start_batch(bench.services, an_order("A1", key="2026-Q4"))
    services = bench.before("queue.check", unready)

    assert begun == start_batch(services, an_order("A1", key="2026-Q4"))
    with pytest.raises(ConflictError, match="use a new key"):
        start_batch(services, an_order("A2", key="2026-Q4"))


def test_a_store_that_cannot_be_looked_into_is_told_beside_all_else_that_is_missing(bench: Bench) -> None:
    def unread() -> None:
        raise UnavailableError("the store is not there")

    with pytest.raises(UnavailableError, match="the store is not there"):
        start_batch(bench.before("store.batch", unread), an_order("A1", key="2026-Q4"))
    services = replace(bench.before("store.batch", unread), queue=bench.before("queue.check", unready).queue)
    with pytest.raises(UnavailableError, match="the queue is not there"):
        start_batch(services, an_order("A1", key="2026-Q4"))


def test_of_two_orders_at_once_that_both_found_no_batch_one_begins_it_and_both_are_told_of_it(bench: Bench) -> None:
    begun = []
    quicker = bench.before(
        "blobs.put", AtCall(1, lambda: begun.append(start_batch(bench.services, an_order("A1", key="2026-Q4"))))
    )

    slower = start_batch(quicker, an_order("A1", key="2026-Q4"))

    assert begun == [slower]
    assert [slower] == list(bench.services.store.batches())
