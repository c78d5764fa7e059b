"""One run of one seed: the calm run of its market, then the run with its faults, then the verdict."""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import flask

from prograde.bootstrap.hosting import FUNCTIONS, function_app
from prograde.use_cases import seed as seeding
from prograde.use_cases import start_batch as starting
from prograde.use_cases import wake as waking
from tests.simulation.chance import Chance, Fault
from tests.simulation.delivering import Deliverer
from tests.simulation.law import end_problems, export_of, law_problems
from tests.simulation.listing_source import Span
from tests.simulation.market import made_up_market
from tests.simulation.memory_warehouse import MemoryWarehouse
from tests.simulation.people import People
from tests.simulation.scheduler import RoundInCirclesError
from tests.simulation.world import EVENTS_KEPT, Event, StoreKind, WarehouseKind, World, in_memory

HEALS_AT = (60.0, 600.0, 3600.0)
PATIENCE_SECONDS = 6 * 3600.0
"""How long a healed run may take: a Retry-After of an hour, a wrong clock, and the work."""

OUTAGES = (Fault.API_OUTAGE, Fault.REFUSING_OUTAGE, Fault.MISSING_OUTAGE, Fault.THROTTLING_OUTAGE)
OUTAGE_WAITS = (None, None, 30.0, 3600.0)
OUTAGES_MAX = 6
"""How often a run may wait for the end of an outage in vain: each replay may meet one again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one seed came to."""

    seed: int
    faults: tuple[Fault, ...]
    violations: tuple[str, ...]
    seen: Counter[str]
    events: tuple[Event, ...]
    professionals: int
    calls: int
    virtual_seconds: float


def simulate(
    seed: int,
    *,
    events_kept: int | None = EVENTS_KEPT,
    warehouse_kind: WarehouseKind = MemoryWarehouse,
    store_kind: StoreKind = in_memory,
) -> Report:
    """
    Run a seed; the same seed is the same run.

    The calm run's state is always in memory: whatever the other's lies in, its export is to be the same.
    """
    market = made_up_market(seed)
    calm = World(market, Chance("calm", frozenset()), events_kept, warehouse_kind)
    run_world(calm, 0.0)
    problems = [*calm.violations] or [*end_problems(calm)]
    if problems:
        return _report(seed, calm, [f"in the calm run: {problem}" for problem in problems])
    chance = Chance(f"run {seed}")
    world = World(market, chance, events_kept, warehouse_kind, store_kind)
    with _small_chunks(chance):
        run_world(world, chance.dice.choice(HEALS_AT) * chance.dice.uniform(0.5, 1.5))
    problems = [*world.violations] or [*end_problems(world)] or [*law_problems(world, export_of(calm))]
    return _report(seed, world, problems)


def _report(seed: int, world: World, problems: list[str]) -> Report:
    return Report(
        seed=seed,
        faults=world.chance.faults,
        violations=tuple(problems),
        seen=world.chance.seen,
        events=tuple(world.log),
        professionals=len(world.api.market.people),
        calls=world.auditor.calls.total(),
        virtual_seconds=world.scheduler.now,
    )


def run_world(world: World, heals_at: float) -> None:
    """Let everything happen to a world, with its faults up to a moment, until the batch is over and all is quiet."""
    deliverer = Deliverer(world, _functions())
    _plan_outages(world, heals_at)
    people = People(world, deliverer, heals_at)
    world.scheduler.after(heals_at, world.heal)
    pages = 20 * len(world.api.market.people)
    outages = 60.0 * OUTAGES_MAX * world.api.market.parameters.outage_patience_minutes
    patience = PATIENCE_SECONDS + 20 * deliverer.seconds_a_page * pages + outages

    def is_over() -> bool:
        if world.violations:
            return True
        if world.scheduler.now > heals_at + patience:
            return True
        batch = world.auditor.batch
        return (
            world.chance.is_healed
            and batch is not None
            and batch.status.is_over
            and deliverer.is_quiet
            and people.is_done
        )

    try:
        world.scheduler.run(is_over)
    except RoundInCirclesError:
        world.violated("the run goes round in circles")
    except Exception:  # noqa: BLE001  # whatever it is, no run may end so
        world.violated(traceback.format_exc())
    finally:
        world.scheduler.close()


def _plan_outages(world: World, heals_at: float) -> None:
    chance, dice = world.chance, world.chance.dice

    def span(longest: float) -> Span:
        start = min(dice.choice([0.0, 0.0, 1.0, 30.0, heals_at]) * dice.random(), heals_at)
        return Span(start, start + longest * dice.random())

    if chance.has(Fault.STORE_OUTAGE):
        world.store_outages = [span(600.0)]
    for fault in OUTAGES:
        if chance.has(fault):
            world.api.outages[fault] = span(dice.choice([5.0, 60.0, 7200.0]))
    if chance.has(Fault.THROTTLING_OUTAGE):
        world.api.outage_wait = dice.choice(OUTAGE_WAITS)
    for fault in (Fault.DENIED, Fault.FORBIDDEN_ALL):
        if chance.has(fault):
            world.api.denials[fault] = span(dice.choice([5.0, 600.0]))


@cache
def _functions() -> dict[str, flask.Flask]:
    return {name: function_app(name) for name in FUNCTIONS}


@contextmanager
def _small_chunks(chance: Chance) -> Iterator[None]:
    """Let a small roster be seeded as a large one is: in chunks, by a chain of tasks, a few open at once."""
    before = seeding.CHUNK, seeding.OPEN_MAX, starting.INLINE_CHUNKS, waking.CHUNK
    seeding.CHUNK = chance.dice.choice([1, 3, before[0]])
    seeding.OPEN_MAX = chance.dice.choice([2, 8, before[1], before[1]])
    starting.INLINE_CHUNKS = chance.dice.choice([1, before[2]])
    waking.CHUNK = chance.dice.choice([1, 3, before[3]])
    try:
        yield
    finally:
        seeding.CHUNK, seeding.OPEN_MAX, starting.INLINE_CHUNKS, waking.CHUNK = before
