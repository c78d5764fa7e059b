"""A page task: what is worked, what is not, and who pays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import woken
from prograde.domain.outcome import Denied, Failure, Throttled
from prograde.domain.professional import Stage, State
from prograde.errors import NotSeededError
from tests.contracts.specimens import NOON, SECOND
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import Crash


def test_a_page_is_one_call_and_brings_the_next_task(bench: Bench) -> None:
    bench.start("A1")
    [task] = bench.due()

    bench.deliver(task)

    assert [Stage.PROFILE] == [request.stage for request in bench.source.requests]
    assert [replace(bench.task("A1"), step=1)] == bench.due()


def test_the_last_page_of_the_last_professional_brings_the_finalize_task(bench: Bench) -> None:
    bench.start("A1", "A2")

    batch = bench.run()

    assert BatchStatus.COMPLETE == batch.status
    assert 6 == len(bench.source.requests)
    assert 0 == bench.pending()


@pytest.mark.parametrize(("step", "wake"), [(1, 0), (0, 1)], ids=["step", "wake"])
def test_a_task_of_what_is_not_there_yet_is_to_come_again(bench: Bench, step: int, wake: int) -> None:
    bench.start("A1")

    with pytest.raises(NotSeededError):
        bench.deliver(replace(bench.task("A1"), step=step, wake=wake))

    assert [] == bench.source.requests


def test_a_task_of_a_professional_that_is_not_seeded_yet_is_to_come_again(bench: Bench) -> None:
    bench.start("A1")

    with pytest.raises(NotSeededError):
        bench.deliver(replace(bench.task("A1"), professional_id="A2"))


def test_a_task_of_an_older_wake_makes_no_call_and_enqueues_the_newest(bench: Bench) -> None:
    bench.start("A1")
    [old] = bench.due()
    bench.pause()
    bench.resume()
    bench.wake()
    newest = bench.due_pages()

    bench.deliver(old)

    assert {bench.task("A1")} == newest
    assert [] == bench.source.requests
    assert [] == bench.due(), "its name is taken"


def test_a_task_of_a_professional_that_has_ended_makes_no_call_and_closes_nobody_again(bench: Bench) -> None:
    bench.start("A1", *(f"B{number}" for number in range(16)))
    for _ in range(3):
        bench.deliver(bench.task("A1"))
    ended = bench.task("A1")

    bench.deliver(ended)

    assert (3, 16) == (len(bench.source.requests), bench.pending())


# --- before its time


@pytest.fixture
def throttled(bench: Bench) -> Bench:
    """Give a bench on which A1's next page is due in a minute."""
    bench.source.script = [Throttled(60.0)]
    bench.start("A1")
    bench.deliver(bench.due()[0])
    return bench


def test_a_task_before_its_time_makes_no_call_and_comes_back_in_time(throttled: Bench) -> None:
    early = throttled.task("A1")
    throttled.clock.sleep(57.0)

    throttled.deliver(early)

    assert 1 == len(throttled.source.requests)
    assert replace(early, wake=1) == throttled.task("A1")
    assert [] == throttled.due()
    assert {early, throttled.task("A1")} == set(throttled.due_later())


def test_two_deliveries_at_once_before_their_time_bring_one_new_task(throttled: Bench) -> None:
    early = throttled.task("A1")
    services = throttled.before("store.transact", lambda: throttled.deliver(early))

    throttled.deliver(early, services)

    assert replace(early, wake=1) == throttled.task("A1")


def test_a_task_as_early_as_clocks_differ_is_worked(throttled: Bench) -> None:
    early = throttled.task("A1")
    throttled.clock.moment = early.due_at - 2 * SECOND

    throttled.deliver(early)

    assert 2 == len(throttled.source.requests)


# --- paused and cancelled


def test_a_paused_batch_makes_no_call_and_enqueues_nothing(bench: Bench) -> None:
    bench.start("A1")
    [task] = bench.due()
    bench.pause()

    bench.deliver(task)

    assert [] == bench.source.requests
    assert (0, 0) == (bench.professional("A1").step, bench.professional("A1").wake)
    assert [] == bench.due_later()


def test_a_cancelled_batch_drains_without_a_call(bench: Bench) -> None:
    bench.start("A1", "A2")
    bench.cancel()

    batch = bench.run()

    assert [] == bench.source.requests
    assert [State.CANCELLED] * 2 == [bench.professional(who).state for who in ("A1", "A2")]
    assert (BatchStatus.CANCELLED, 0) == (batch.status, bench.pending())


# --- refused credentials


def test_refused_credentials_pause_the_batch_and_charge_nobody(bench: Bench) -> None:
    bench.source.script = [Denied("401 Unauthorized")]
    bench.start("A1")
    before = bench.professional("A1")

    bench.deliver(bench.due()[0])

    assert before == bench.professional("A1")
    assert BatchStatus.PAUSED == bench.batch().status
    assert "401 Unauthorized" in bench.batch().reason
    assert [] == bench.due_later()
    assert 1 == bench.raw_rows(), "what the source said is kept"


def test_once_the_credentials_are_mended_nothing_is_missing(bench: Bench) -> None:
    bench.source.script = [Denied("401 Unauthorized")]
    bench.start("A1", "A2")
    bench.run()

    bench.resume()
    batch = bench.run()

    assert (BatchStatus.COMPLETE, "") == (batch.status, batch.reason)
    assert 3 == bench.professional("A1").calls


def test_refused_twice_at_once_is_one_pause(bench: Bench) -> None:
    bench.source.script = [Denied("first asked"), Denied("first answered")]
    bench.start("A1", "A2")
    first, second = bench.due()
    bench.source.in_flight = [lambda: bench.deliver(second)]

    bench.deliver(first)

    assert 1 == bench.batch().epoch
    assert "first answered" in bench.batch().reason


def test_a_batch_that_was_cancelled_meanwhile_is_not_paused(bench: Bench) -> None:
    bench.source.script = [Denied("401 Unauthorized")]
    bench.start("A1")
    bench.source.in_flight = [bench.cancel]

    bench.deliver(bench.due()[0])

    assert BatchStatus.DRAINING == bench.batch().status


# --- a page that kills its handler


@pytest.mark.parametrize("deaths", [-1, 0, 2])
def test_a_page_that_killed_its_handler_less_than_three_times_is_fetched(bench: Bench, deaths: int) -> None:
    bench.start("A1")

    bench.deliver(bench.task("A1"), deaths=deaths)

    assert 1 == len(bench.source.requests)
    assert (1, 0) == (bench.professional("A1").step, bench.professional("A1").failures_in_a_row)


@pytest.mark.parametrize("deaths", [3, 4])
def test_a_page_that_killed_its_handler_three_times_is_a_failure_without_a_call(bench: Bench, deaths: int) -> None:
    bench.start("A1")

    bench.deliver(bench.task("A1"), deaths=deaths)

    after = bench.professional("A1")
    assert [] == bench.source.requests
    assert (1, 1, 0) == (after.step, after.failures_in_a_row, after.calls)
    assert after.last_failure.startswith("handler_died")
    assert [bench.task("A1")] == [task for task in bench.due_later() if task == bench.task("A1")]


def test_a_paused_batch_charges_nobody_for_a_handler_that_died(bench: Bench) -> None:
    bench.start("A1")
    bench.pause()

    bench.deliver(bench.task("A1"), deaths=3)

    assert 0 == bench.professional("A1").step


# --- failures


def test_a_failed_page_is_asked_for_again_at_its_time_and_not_before(bench: Bench) -> None:
    bench.source.script = [Failure("timeout", "no answer")]
    bench.start("A1")

    bench.deliver(bench.due()[0])

    again = bench.task("A1")
    assert NOON < again.due_at <= NOON + timedelta(seconds=1)
    assert [] == bench.due()
    assert [again] == bench.due_later()


def test_deaths_under_a_retired_name_are_kept_until_the_step_is_done(bench: Bench) -> None:
    bench.start("A1")
    retired = bench.task("A1")
    one_more_name = woken(bench.professional("A1"), bench.clock.now(), epoch=0)
    bench.services.store.transact(lambda transaction: transaction.put_professional(one_more_name))
    bench.deliver(retired, deaths=2)

    bench.deliver(bench.task("A1"), deaths=1)

    after = bench.professional("A1")
    assert [] == bench.source.requests
    assert (1, 1, 0) == (after.step, after.failures_in_a_row, after.deaths)


def test_deaths_are_charged_once_however_often_enqueueing_fails(bench: Bench) -> None:
    bench.start("A1")
    retired = bench.task("A1")
    one_more_name = woken(bench.professional("A1"), bench.clock.now(), epoch=0)
    bench.services.store.transact(lambda transaction: transaction.put_professional(one_more_name))
    for _ in range(3):
        with pytest.raises(Crash):
            bench.deliver(retired, bench.dying_before("queue.enqueue"), deaths=1)

    bench.deliver(retired, deaths=1)

    assert 1 == bench.professional("A1").deaths


def test_deaths_of_an_earlier_step_are_nobodys(bench: Bench) -> None:
    bench.start("A1")
    first = bench.task("A1")
    bench.deliver(first)

    bench.deliver(first, deaths=9)

    assert 0 == bench.professional("A1").deaths
