"""An outage of two hours, in virtual time: what it costs, and whom."""

from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.blame import BACKOFF_SECONDS_MAX, PROBE_SECONDS_MAX
from tests.simulation.chance import Chance, Fault
from tests.simulation.law import end_problems, export_of
from tests.simulation.listing_source import Span
from tests.simulation.market import made_up_market
from tests.simulation.memory_warehouse import MemoryWarehouse
from tests.simulation.run import OUTAGES, run_world
from tests.simulation.world import World

HOUR = 3600.0
BEGINS = 1.5
"""The batch is under way: some have been answered, and everybody has been asked for."""
NOTICED = 60.0
"""So long after its beginning an outage is taken for one, and calls that were under way have ended."""
MARKET = replace(made_up_market(14), parameters=replace(made_up_market(14).parameters, outage_patience_minutes=180))


def run(outages: dict[Fault, Span], wait: float | None = None) -> World:
    """Run one batch over a source that is out for a while, and otherwise well; throttled ones are told to wait."""
    world = World(MARKET, Chance("two long hours", frozenset()), None, MemoryWarehouse)
    world.api.outages = outages
    world.api.outage_wait = wait
    run_world(world, 3 * HOUR)
    assert [] == [*world.violations, *end_problems(world)]
    return world


def calls(world: World, begin: float, end: float) -> list[str]:
    """Name whose tasks asked the source within a stretch of time."""
    answers = [event for event in world.log if event.what.startswith("source answers")]
    return [event.who.split()[2].partition("/")[0] for event in answers if begin <= event.at < end]


@pytest.mark.parametrize("fault", OUTAGES)
def test_an_outage_of_two_hours_costs_nobody_anything_and_no_more_calls_than_probes(fault: Fault) -> None:
    calm = run({})

    world = run({fault: Span(BEGINS, BEGINS + 2 * HOUR)})

    batch = world.auditor.batch
    assert batch is not None
    assert (BatchStatus.COMPLETE, "") == (batch.status, batch.reason)
    assert export_of(calm).digest == export_of(world).digest
    assert not [one for one in world.auditor.professionals.values() if one.state == "failed"]
    before, during = calls(world, 0.0, BEGINS), calls(world, BEGINS + NOTICED, BEGINS + 2 * HOUR)
    assert 0 < len(before) < len(calls(calm, 0.0, 3 * HOUR)), "the outage begins in the middle"
    assert 1 == len(set(during)), "only the probe asks"
    # Half the longest wait is the mean of its jitter.
    longest = BACKOFF_SECONDS_MAX if fault is Fault.THROTTLING_OUTAGE else PROBE_SECONDS_MAX
    assert 2 * HOUR / longest < len(during) < 2 * HOUR / (longest / 2) * 1.2


def test_who_is_told_to_wait_for_an_hour_asks_once_an_hour() -> None:
    world = run({Fault.THROTTLING_OUTAGE: Span(BEGINS, BEGINS + 2 * HOUR)}, wait=HOUR)

    batch = world.auditor.batch
    assert batch is not None
    assert (BatchStatus.COMPLETE, "") == (batch.status, batch.reason)
    assert len(calls(world, BEGINS, BEGINS + 2 * HOUR)) <= 2 * len(MARKET.people)
