"""Supervise beside a page whose answer takes as long as it may."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from prograde.domain.effects import SoundingTask
from prograde.use_cases.services import Services
from tests.use_cases.bench import Bench

MINUTE = timedelta(minutes=1)
DELIVERY_MAX = 8 * MINUTE


@pytest.fixture
def cloud(bench: Bench) -> Services:
    """Give the services of a queue that delivers soundings beside pages that are at work."""
    return replace(bench.services, overtaken_for=DELIVERY_MAX)


def supervise_each_minute(bench: Bench, cloud: Services, until: datetime) -> None:
    """Let time pass, on which a queue without a backlog delivers at once whatever comes into it."""
    while bench.clock.now() < until:
        bench.clock.sleep(min(MINUTE, until - bench.clock.now()).total_seconds())
        bench.supervise(cloud)
        for task in bench.due():
            bench.deliver(task, cloud)


def test_a_page_is_not_asked_for_again_while_its_answer_comes(bench: Bench, cloud: Services) -> None:
    bench.start("A1")
    (task,) = bench.due_pages()
    bench.source.in_flight = [lambda: supervise_each_minute(bench, cloud, bench.clock.now() + DELIVERY_MAX)]

    bench.deliver(task, cloud)

    assert 1 == len(bench.source.requests)
    assert (1, 0) == (bench.professional("A1").step, bench.professional("A1").wake)


def test_pages_that_waited_long_are_not_asked_for_again_when_the_queue_makes_up_for_it(
    bench: Bench, cloud: Services
) -> None:
    bench.start("A1")
    (task,) = bench.due_pages()
    soundings: list[SoundingTask] = []
    # The backlog: pages of others, behind which all this waits.
    for _ in range(30):
        bench.clock.sleep(60.0)
        bench.supervise(cloud)
        soundings += [task for task in bench.due() if isinstance(task, SoundingTask)]

    def all_at_once() -> None:
        for sounding in soundings:
            bench.deliver(sounding, cloud)
        supervise_each_minute(bench, cloud, bench.clock.now() + timedelta(seconds=300))

    bench.source.in_flight = [all_at_once]

    bench.deliver(task, cloud)

    assert 1 == len(bench.source.requests)


@pytest.mark.parametrize("minutes", [11, 12])
def test_who_lost_a_task_waits_some_ten_minutes_for_another(bench: Bench, cloud: Services, minutes: int) -> None:
    bench.start("A1")
    bench.due()

    for _ in range(minutes):
        bench.clock.sleep(60.0)
        bench.supervise(cloud)
        for task in bench.due():
            if isinstance(task, SoundingTask):
                bench.deliver(task, cloud)

    assert (minutes == 12) == (bench.professional("A1").wake == 1)
