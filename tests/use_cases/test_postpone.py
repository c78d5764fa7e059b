"""A page that the source's limits allow only later is given that time."""

from dataclasses import replace
from datetime import timedelta

from prograde.domain.batch import BatchStatus
from prograde.domain.effects import PageTask, SoundingTask
from prograde.domain.professional import State
from prograde.use_cases.postpone import postpone
from tests.contracts.specimens import NOON
from tests.use_cases.bench import Bench

LATER = NOON + timedelta(hours=1)


def first_task(bench: Bench) -> PageTask:
    """Start a batch of one, and take its task."""
    bench.start("A1")
    (task,) = bench.due_pages()
    return task


def test_a_postponed_page_comes_again_at_its_time_and_is_charged_nothing(bench: Bench) -> None:
    task = first_task(bench)

    postpone(bench.services, task, LATER, deaths=0)

    assert [] == bench.due()
    moved = bench.professional("A1")
    assert (task.step, task.wake + 1, LATER, 0) == (moved.step, moved.wake, moved.due_at, moved.deaths)
    assert LATER == bench.task("A1").due_at
    assert BatchStatus.COMPLETE == bench.run().status
    assert 3 == len(bench.source.requests)


def test_who_was_postponed_does_not_stand_still(bench: Bench) -> None:
    postpone(bench.services, first_task(bench), LATER, deaths=0)
    bench.clock.sleep(1_800.0)
    bench.deliver(SoundingTask("north", sent_at=bench.clock.now(), due_at=bench.clock.now()))

    bench.supervise()

    assert 1 == bench.professional("A1").wake


def test_a_cancel_does_not_wait_for_who_was_postponed(bench: Bench) -> None:
    postpone(bench.services, first_task(bench), LATER, deaths=0)

    bench.cancel()
    bench.wake()
    for task in bench.due_pages():
        bench.deliver(task)

    assert BatchStatus.FINALIZING == bench.batch().status
    assert (NOON, []) == (bench.clock.now(), bench.source.requests)


def test_who_has_moved_on_meanwhile_stays_where_it_is(bench: Bench) -> None:
    task = first_task(bench)
    bench.deliver(task)
    before = bench.professional("A1")

    postpone(bench.services, task, LATER, deaths=0)

    assert before == bench.professional("A1")
    assert {bench.task("A1")} == bench.due_pages(), "what the other delivery may have left out"


def test_who_has_ended_stays_so(bench: Bench) -> None:
    task = first_task(bench)
    bench.deliver(task)
    bench.run()
    final = bench.professional("A1")
    assert State.DONE is final.state

    postpone(bench.services, replace(task, step=final.step, wake=final.wake), LATER, deaths=0)

    assert final == bench.professional("A1")


def test_the_deaths_of_the_old_name_are_kept(bench: Bench) -> None:
    postpone(bench.services, first_task(bench), LATER, deaths=2)

    assert 2 == bench.professional("A1").deaths
