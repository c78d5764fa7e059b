"""Whatever a deployment does, no second holds more calls than the source allows, by the times that are recorded."""

from tests.house.checkout import ROOT
from tests.simulation.pace_of_a_deployment import SCENARIOS, SEEDS, fullest_second, observed, table


def test_the_page_on_deploying_has_the_table() -> None:
    assert "\n".join(table(SEEDS)) in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_only_the_ledger_keeps_the_limit() -> None:
    runs = [observed(scenario, seed=1) for scenario in SCENARIOS]

    assert all(fullest_second(seen.recorded) <= 20 for seen in runs)
    assert all(fullest_second(seen.arrived) <= 21 for seen in runs)
    assert all(fullest_second(seen.dispatched) > 30 for seen in runs), "the queue alone would not"


def test_the_fullest_second_may_begin_anywhere() -> None:
    assert 4 == fullest_second([0.9, 1.0, 1.5, 1.89, 3.0])
    assert 2 == fullest_second([0.0, 1.0, 1.5, 2.0]), "what is a whole second apart is in two"
