"""What docs/sandbox.md says is what the practice API does."""

import contextlib
import dataclasses
import io
import re
from datetime import date
from pathlib import Path

import pytest

from prograde.sandbox import FAULT_SOURCES, CallStats, SandboxServer, seeded_market
from prograde.sandbox.command import sandbox
from prograde.sandbox.server import DEFAULT_SEED
from tests.sandbox.client import ask


@pytest.fixture(scope="module")
def text(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "sandbox.md").read_text(encoding="utf-8")


def table_under(heading: str, text: str) -> list[list[str]]:
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_the_table_of_faults_is_that_of_the_code(text: str) -> None:
    kinds = {source.name: ", ".join(f"`{fault.kind}`" for fault in source.faults) for source in FAULT_SOURCES.values()}
    kinds["everything"] = "those of all the above"

    assert table_under("Faults", text) == [
        [f"`{source.name}`", source.sentence, kinds[source.name]] for source in FAULT_SOURCES.values()
    ]


def test_the_table_of_options_names_every_option(text: str) -> None:
    options = [parameter.opts[0] for parameter in sandbox.params]

    assert [f"`{option}`" for option in options] == [row[0] for row in table_under("Options", text)]


def test_every_curl_line_is_answered(text: str, server: SandboxServer) -> None:
    targets = re.findall(r"^curl .*'http://127\.0\.0\.1:8765(/.+)'$", text, re.MULTILINE)
    reso, plain = (ask(f"{server.base_url}{target}") for target in targets)

    assert (200, 3) == (reso.status, len(reso.body["value"]))
    assert (200, 5) == (plain.status, len(plain.body["data"]["items"]))


def test_the_line_that_it_begins_with_is_printed(text: str) -> None:
    market = seeded_market(agents=100, seed=DEFAULT_SEED, as_of=date(2026, 11, 20))

    assert f"serves {len(market.agents)} agents and {len(market.listings):,} listings as of 2026-11-20\n" in text


def test_every_figure_of_the_stats_is_explained(text: str) -> None:
    names = {field.name for field in dataclasses.fields(CallStats)}
    line = next(line for line in text.splitlines() if line.startswith("- `GET /__stats`"))

    assert names <= set(re.findall(r"`(\w+)`", line))


def test_the_example_for_tests_runs(text: str) -> None:
    example = text.partition("```python\n")[2].partition("```")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "docs/sandbox.md", "exec"), {})

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/reso/odata \{\}\n", printed.getvalue())


def test_the_source_files_that_it_names_are_there(text: str, pytestconfig: pytest.Config) -> None:
    templates: Path = pytestconfig.rootpath / "shared" / "prograde" / "templates"
    names = re.findall(r"`(sandbox_\w+\.yaml)`", text)

    assert names
    assert all((templates / name).is_file() for name in names)
