import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from prograde.sandbox import FAULT_SOURCES, SandboxServer
from prograde.sandbox.command import sandbox
from tests.sandbox.client import ask

SALES = "parcel_id,sale_date,price_usd,zipcode\n1,2026-01-02,300000,98101\n2,2026-03-04,400000,98102\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sandbox, arguments)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process of its own, and the URL that it printed."""
    program = "from prograde.sandbox.command import sandbox; sandbox(prog_name='prograde sandbox')"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().split()[0]
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_then_exits_0(stop: signal.Signals) -> None:
    with running("--agents", "3", "--token", "secret-7") as (process, url):
        status = ask(f"{url}/Member", token="secret-7").status
        process.send_signal(stop)

        assert (200, 0) == (status, process.wait(timeout=10))


def test_the_files_are_whole_when_the_url_is_printed(tmp_path: Path) -> None:
    sales, dealt, truth, roster = (tmp_path / name for name in ("sales.csv", "dealt.csv", "truth.json", "roster.csv"))
    sales.write_text(SALES, encoding="utf-8")
    with running(
        *("--sales", str(sales), "--dealt", str(dealt), "--truth", str(truth), "--roster", str(roster)),
        *("--agents", "12", "--seed", "3"),
    ):
        pass

    with roster.open(encoding="utf-8", newline="") as file:
        people = list(csv.DictReader(file))
    with dealt.open(encoding="utf-8", newline="") as file:
        hands = list(csv.DictReader(file))
    figures = json.loads(truth.read_text(encoding="utf-8"))
    assert ["1", "2"] == [row["sale_row"] for row in hands]
    assert figures["as_of"] == "2026-03-04"
    assert list(figures["agents"]) == [person["professional_id"] for person in people]
    assert {"Robert Hale, Jr.", "Sean O'Brien"} <= {person["full_name"] for person in people}
    assert sorted(tmp_path.iterdir()) == sorted([sales, dealt, truth, roster])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agents", "0"), "0 is not in the range"),
        (("--page-size", "1001"), "1001 is not in the range"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--as-of", "2026-02-30"), "'2026-02-30' is no date: write it as"),
        (("--as-of", "0001-01-01"), "its year must be 1900 to 2199"),
        (("--sales", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--dealt", "dealt.csv"), "give --sales, too"),
        (("--token", ""), "--token: must be printable ASCII"),
        (("--rate", "20/0"), "a rate's window lasts more than 0"),
        (("--rate", "often"), "'often' is no rate: write it as 20 (a second)"),
        (("--latency-ms", "80..20"), "its lower bound first"),
        (("--faults", "html,storms"), "'storms' is no fault profile: use throttling"),
        (("--outage", "5"), "'5' is no period: write it as 5..20"),
        (("--port", "0", "--truth", "no/such/folder/truth.json"), "cannot write"),
    ],
)
def test_a_bad_option_exits_2_and_says_what_is_wrong(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(*arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_the_options_that_make_it_hard_reach_the_server() -> None:
    options = ("--rate", "1/3600", "--rate", "9", "--latency-ms", "5..9", "--faults", "html,bursts", "--faults", "html")
    with running("--agents", "3", *options) as (_, url):
        refused = [ask(f"{url}/Member?$top={top}") for top in (1, 2)][1]
        stats = ask(f"{url.removesuffix('/reso/odata')}/__stats").body

    assert (429, 1) == (refused.status, stats["throttled"])


@pytest.mark.parametrize("options", [("--outage", "0..60"), ("--faults", "outage", "--outage", "0..60")])
def test_an_outage_is_asked_for_by_its_period(options: tuple[str, ...]) -> None:
    with running("--agents", "3", *options) as (_, url):
        stats_url = f"{url.removesuffix('/reso/odata')}/__stats"
        for _ in range(8):
            with suppress(ConnectionError):
                assert ask(f"{url}/Member").status >= 500

        assert sum(ask(stats_url).body["faults"].values()) == 8


def test_the_fault_profiles_are_listed_whatever_else_is_asked_for() -> None:
    result = run("--faults", "list", "--faults", "storms", "--agents", "0")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(FAULT_SOURCES)
    assert all(source.sentence in result.output for source in FAULT_SOURCES.values())


def test_a_port_in_use_exits_2_and_says_what_to_do(server: SandboxServer) -> None:
    result = run("--port", server.base_url.rpartition(":")[2], "--agents", "2")

    assert result.exit_code == 2
    assert "choose another, or 0 for any free one" in " ".join(result.output.split())
