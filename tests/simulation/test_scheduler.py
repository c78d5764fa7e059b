from functools import partial
from random import Random

import pytest

from tests.simulation.scheduler import Killed, Scheduler


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(Random("a test"))


def test_what_pauses_goes_on_when_its_time_has_come(scheduler: Scheduler) -> None:
    happened: list[tuple[str, float]] = []

    def work(name: str, seconds: float) -> None:
        for _ in range(2):
            scheduler.pause(seconds)
            happened.append((name, scheduler.now))

    scheduler.spawn("slow", lambda: work("slow", 3.0))
    scheduler.spawn("quick", lambda: work("quick", 2.0))
    scheduler.run(lambda: False)
    scheduler.close()

    assert [("quick", 2.0), ("slow", 3.0), ("quick", 4.0), ("slow", 6.0)] == happened


def order_of(scheduler: Scheduler, names: str) -> str:
    """Tell in which order actions of the same moment come."""
    order: list[str] = []
    for name in names:
        scheduler.after(1.0, partial(order.append, name))
    scheduler.run(lambda: False)
    return "".join(order)


def test_what_falls_on_the_same_moment_comes_in_every_order() -> None:
    orders = set()
    for seed in range(50):
        orders.add(order_of(Scheduler(Random(seed)), "abc"))

    assert 6 == len(orders)


def test_what_is_killed_ends_at_its_pause_and_says_so(scheduler: Scheduler) -> None:
    happened = []

    def work() -> None:
        try:
            scheduler.pause(10.0)
        except Killed:
            happened.append(scheduler.now)
            raise

    coroutine = scheduler.spawn("victim", work, lambda: happened.append(-1.0))
    scheduler.after(4.0, lambda: scheduler.kill(coroutine))
    scheduler.run(lambda: False)
    scheduler.close()

    assert [4.0, -1.0] == happened


def test_what_is_killed_before_it_began_does_nothing(scheduler: Scheduler) -> None:
    happened: list[str] = []
    coroutine = scheduler.spawn("victim", lambda: happened.append("worked"), lambda: happened.append("ended"))
    scheduler.kill(coroutine)
    scheduler.run(lambda: False)

    assert ["ended"] == happened


def test_what_is_raised_ends_the_run(scheduler: Scheduler) -> None:
    def work() -> None:
        scheduler.pause(1.0)
        raise ZeroDivisionError

    scheduler.spawn("broken", work)
    with pytest.raises(ZeroDivisionError):
        scheduler.run(lambda: False)
    scheduler.close()


def test_closing_ends_what_still_runs(scheduler: Scheduler) -> None:
    ended: list[str] = []
    for name in ("one", "other"):
        scheduler.spawn(name, lambda: scheduler.pause(1e9), partial(ended.append, name))
    scheduler.run(lambda: scheduler.events >= 2)

    scheduler.close()

    assert ["one", "other"] == sorted(ended)
