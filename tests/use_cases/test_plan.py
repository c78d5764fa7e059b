import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from prograde.domain.outcome import Failure
from prograde.domain.pace import RateLimit
from prograde.entrypoints.plan_text import duration_text, plan_lines
from prograde.use_cases.dead_letters import replay
from prograde.use_cases.plan import CLOUD_CENTS_A_MILLION_CALLS, Experience, last_experience, plan_batch
from tests.contracts.specimens import BATCH
from tests.use_cases.bench import Bench
from tests.use_cases.scripted_source import only_page

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LIMITS = (RateLimit(20, SECOND),)
LAST = Experience("north-1", professionals=100, calls=650, took=timedelta(minutes=1))


def test_without_a_batch_of_the_source_the_calls_are_assumed_and_that_is_said() -> None:
    plan = plan_batch(BATCH.parameters, 100, LIMITS, None)

    assert 400 == plan.calls
    assert "assumed: 4 calls a professional" in plan.basis
    assert 300 == plan_batch(replace(BATCH.parameters, include_active=False), 100, LIMITS, None).calls


def test_the_last_batch_of_the_source_says_how_many_calls_a_professional_takes() -> None:
    plan = plan_batch(BATCH.parameters, 1_000, LIMITS, LAST)

    assert 6_500 == plan.calls
    assert "as batch north-1: 6.5 calls a professional" == plan.basis
    assert "10.8 calls a second and took 1 min 0 s" in dict(plan_lines(plan))["Time"]


@pytest.mark.parametrize(
    ("limits", "calls", "duration"),
    [
        (LIMITS, 0, timedelta()),
        (LIMITS, 20, timedelta()),
        (LIMITS, 21, SECOND),
        (LIMITS, 1_000_000, 49_999 * SECOND),
        ((*LIMITS, RateLimit(10_000, DAY)), 25_000, 2 * DAY),
    ],
)
def test_the_slowest_window_decides_how_long_it_takes(
    limits: tuple[RateLimit, ...], calls: int, duration: timedelta
) -> None:
    one_call = Experience("north-1", 1, 1, SECOND)

    assert duration == plan_batch(BATCH.parameters, calls, limits, one_call).duration


def test_the_cost_is_that_of_the_table_in_the_docs() -> None:
    text = Path("docs/deploy.md").read_text(encoding="utf-8")
    total = re.search(r"\*\*Total\*\* \| \| \*\*([0-9.]+)\*\*", text)

    assert total is not None
    assert CLOUD_CENTS_A_MILLION_CALLS == round(100 * float(total[1]))


def test_a_batch_teaches_when_it_is_finished_and_nothing_of_another_source(bench: Bench) -> None:
    services = bench.services
    batch = bench.start("A1", "A2")
    assert last_experience(services.store, batch.source) is None

    bench.run()

    experience = last_experience(services.store, batch.source)
    assert experience is not None
    assert (batch.batch_id, 2, bench.manifest()["calls"]) == (
        experience.batch_id,
        experience.professionals,
        experience.calls,
    )
    assert last_experience(services.store, "elsewhere") is None


def test_a_batch_that_was_replayed_teaches_its_calls_and_no_duration(bench: Bench) -> None:
    bench.source.answering = lambda _: Failure("bad_request", "400", is_terminal=True)
    batch = bench.start("A1")
    bench.run()
    bench.clock.sleep(3 * DAY.total_seconds())
    bench.source.answering = only_page
    replay(bench.services, batch.batch_id, ["A1"])
    bench.run()

    experience = last_experience(bench.services.store, batch.source)

    assert experience is not None
    assert (None, bench.manifest()["calls"]) == (experience.took, experience.calls)
    plan = plan_batch(BATCH.parameters, 10, [RateLimit(1, SECOND)], experience)
    assert "took" not in dict(plan_lines(plan))["Time"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (61, "1 min 1 s"), (3_600, "1 h 0 min"), (90_000, "1 d 1 h")]
)
def test_a_duration_is_written_by_its_two_largest_units(seconds: int, text: str) -> None:
    assert text == duration_text(timedelta(seconds=seconds))
