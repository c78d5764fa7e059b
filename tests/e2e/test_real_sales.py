"""21,613 real sales, dealt to 1,000 agents, graded by prograde and by an oracle that shares no code with it."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from prograde.sandbox.dealing import deal_sales
from prograde.sandbox.publishing import write_dealt, write_roster
from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import Workplace, read_csv
from tests.e2e.oracle import Sale, Truth, earned_sides, fewest_pages, ranks, read_sales, truths

AGENTS = 1_000
PAGE_SIZE = 50
AS_OF = date(2015, 5, 27)
CUTOFF = AS_OF - timedelta(days=365)
ZERO = Truth()


@pytest.fixture(scope="module")
def market(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SandboxServer, Path]]:
    folder = tmp_path_factory.mktemp("market")
    dealt = deal_sales(shared_data / "king_county_sales.csv", AGENTS, 7)
    write_dealt(folder / "dealt.csv", dealt)
    write_roster(folder / "roster.csv", dealt)
    with SandboxServer(dealt, page_size=PAGE_SIZE) as server:
        yield server, folder


@pytest.fixture(scope="module")
def sales(market: tuple[SandboxServer, Path], shared_data: Path) -> list[Sale]:
    return read_sales(shared_data / "king_county_sales.csv", market[1] / "dealt.csv")


def graded(market: tuple[SandboxServer, Path], folder: Path, *arguments: str) -> tuple[dict[str, dict[str, str]], int]:
    """Run a batch; every agent's line of the export, and the calls that the practice API saw."""
    server, files = market
    server.reset()
    workplace = Workplace.make(folder, server, calls_a_second=20_000)
    summary = workplace.run("--as-of", str(AS_OF), *arguments, roster=str(files / "roster.csv"))
    rows = read_csv(folder / summary["export"] / "graded.csv")
    assert [] == read_csv(folder / summary["export"] / "ungraded.csv")
    assert AGENTS == len(rows)
    return {row["professional_id"]: row for row in rows}, server.stats().calls


@pytest.mark.parametrize("rule", ["split", "full", "list_only"])
def test_every_figure_grade_and_rank_equals_the_oracles(
    market: tuple[SandboxServer, Path], sales: list[Sale], tmp_path: Path, rule: str
) -> None:
    exact, calls_without = graded(market, tmp_path / "all", "--set", "early_stop=off", "--set", f"attribution={rule}")
    expected = dict.fromkeys(exact, ZERO) | truths(sales, rule, CUTOFF, AS_OF)
    expected_ranks = ranks(expected)
    for agent, row in exact.items():
        truth = expected[agent]
        last = truth.last
        assert (
            truth.volume,
            truth.sides,
            truth.transactions,
            "" if truth.first is None else str(truth.first),
            "" if last is None else str(last),
            "" if last is None else str((AS_OF - last).days),
            truth.grade,
            expected_ranks[agent],
            "no",
        ) == (
            Fraction(row["volume"]),
            Fraction(row["sides"]),
            int(row["sold_count"]),
            row["first_close"],
            row["last_close"],
            row["days_since_last_sale"],
            row["grade"],
            int(row["rank"]),
            row["volume_is_floor"],
        ), agent

    early, calls_with = graded(market, tmp_path / "early", "--set", f"attribution={rule}")
    for agent, row in early.items():
        assert exact[agent]["grade"] == row["grade"], agent
        assert Fraction(row["volume"]) <= expected[agent].volume, agent
        assert (row["volume_is_floor"] == "yes") or (Fraction(row["volume"]) == expected[agent].volume), agent
    assert any(row["volume_is_floor"] == "yes" for row in early.values())
    assert fewest_calls(sales, rule, list(early)) == calls_with
    assert calls_with < calls_without


def fewest_calls(sales: list[Sale], rule: str, agents: list[str]) -> int:
    """A profile, a page of active listings and the pages of sold history that the stop rules leave, for each."""
    theirs: dict[str, list[tuple[date, str, Fraction]]] = {agent: [] for agent in agents}
    for number, sale in enumerate(sales):
        earned = earned_sides(sale, rule)
        if CUTOFF <= sale.closed <= AS_OF:
            for agent in {*sale.list_side, *sale.buyer_side} - {""}:
                share = earned.get(agent, Fraction(0)) * sale.price
                theirs[agent].append((sale.closed, f"{number:09}", share))
    return sum(2 + fewest_pages(history, PAGE_SIZE, 40_000_000) for history in theirs.values())
