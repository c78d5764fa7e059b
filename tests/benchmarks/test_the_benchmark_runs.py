import csv
import sqlite3
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from tests.benchmarks.contest import Run, contest, practice_server
from tests.benchmarks.contestants import CONTESTANTS, ONE_DAY_SCRIPT, PROGRADE, Contestant
from tests.benchmarks.full_pages import PAGES_AN_AGENT
from tests.benchmarks.instructions import instructions
from tests.benchmarks.pages_at_size import table as pages_table
from tests.benchmarks.pages_at_size import timings
from tests.benchmarks.questions import HISTORY_PARAMS, PROFILE_PARAMS
from tests.benchmarks.report import BEGIN, END, replaced, table

AGENTS = (1, 2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Run]:
    return list(contest(tmp_path_factory.mktemp("contest"), AGENTS, 1, lambda _: None))


def largest_run(runs: Sequence[Run], contestant: Contestant) -> Run:
    return max((run for run in runs if run.contestant == contestant), key=lambda run: run.pages)


def test_every_contestant_is_measured_over_both_rosters(runs: Sequence[Run]) -> None:
    expected = [(contestant.name, agents * PAGES_AN_AGENT) for agents in AGENTS for contestant in CONTESTANTS]

    assert expected == [(run.contestant.name, run.pages) for run in runs]


def test_the_table_has_a_row_for_each_and_the_script_is_its_unit(runs: Sequence[Run]) -> None:
    _, _, *rows = table(runs).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]

    assert [contestant.name for contestant in CONTESTANTS] == [row[0] for row in cells]
    assert ["1.00"] * 3 == next(row[1:4] for row in cells if row[0] == ONE_DAY_SCRIPT.name)


def test_prograde_and_the_script_find_the_same_sides_and_volume(runs: Sequence[Run]) -> None:
    found = largest_run(runs, PROGRADE).folder
    (export,) = found.glob("data/blobs/exports/*/*/graded.csv")
    with export.open(encoding="utf-8", newline="") as file:
        graded = {
            row["professional_id"]: (Fraction(row["sides"]), Fraction(row["volume"])) for row in csv.DictReader(file)
        }
    connection = sqlite3.connect(largest_run(runs, ONE_DAY_SCRIPT).folder / "pages.sqlite")
    counted = connection.execute("SELECT agent, half_sides, half_cents FROM agents WHERE is_done").fetchall()
    connection.close()

    assert AGENTS[-1] == len(graded)
    assert graded == {agent: (Fraction(sides, 2), Fraction(cents, 200)) for agent, sides, cents in counted}


@pytest.mark.long
def test_a_page_costs_prograde_fewer_instructions_than_the_script(tmp_path: Path) -> None:
    """No timing: the same run takes nearly the same instructions."""
    with practice_server(2, tmp_path) as server:
        own, scripts = (sum(instructions(server, each, tmp_path, (1, 2)).values()) for each in CONTESTANTS[:2])

    assert 1_000 < own < scripts


def test_the_others_ask_exactly_what_prograde_asks() -> None:
    source = yaml.safe_load((files("prograde.templates") / "sandbox_reso.yaml").read_text(encoding="utf-8"))

    assert asked(source["stages"]["profile"]["params"]) == PROFILE_PARAMS
    assert asked(source["stages"]["historical"]["params"]) == HISTORY_PARAMS


def asked(params: Mapping[str, str]) -> Mapping[str, str]:
    return {
        name: text.replace("{professional_id}", "{agent}").replace("{agent_key}", "{agent}")
        for name, text in params.items()
    }


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    assert f"before {BEGIN}\n\nnew\n\n{END} after" == replaced(f"before {BEGIN} old {END} after", "new")


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {END} {END}"])
def test_a_page_without_both_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        replaced(page, "new")


def test_every_page_is_timed_and_stands_in_the_table(tmp_path: Path) -> None:
    measured = list(timings(tmp_path, professionals=600, asked=3))

    assert 7 == len(measured)
    assert all(0 < each.median <= each.p95 for each in measured)
    assert all(f"| {each.page} |" in pages_table(measured, 600) for each in measured)
