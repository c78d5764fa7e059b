"""Who is measured: a name for the table, and the command that pages through a roster."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tests.benchmarks.questions import TOKEN, WINDOW

CHECKOUT = Path(__file__).parents[2]
TEMPLATE_URL = "http://127.0.0.1:8765/reso/odata"
TEMPLATE_LIMIT = "limit: 20"
CALLS_A_SECOND = 100_000
"""A limit that never bites."""


@dataclass(frozen=True, slots=True)
class Work:
    """The roster to page through, where, and a new folder to do it in."""

    reso_url: str
    roster: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Contestant:
    """One row of the table."""

    name: str
    command: Callable[[Work], Sequence[str]]


def environment(folder: Path) -> Mapping[str, str]:
    """Ours, without proxies and settings of whoever runs the benchmark; what prograde keeps goes to `folder`."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PROGRADE_") and not name.lower().endswith("_proxy")
    }
    return own | {"SANDBOX_TOKEN": TOKEN, "PYTHONPATH": str(CHECKOUT), "PROGRADE_PACE_DIR": str(folder / "pace")}


def _prograde(work: Work) -> Sequence[str]:
    text = (files("prograde.templates") / "sandbox_reso.yaml").read_text(encoding="utf-8")
    text = text.replace(TEMPLATE_URL, work.reso_url).replace(TEMPLATE_LIMIT, f"limit: {CALLS_A_SECOND}")
    (work.folder / "source.yaml").write_text(text, encoding="utf-8")
    # As shipped, but for the two settings that would let it make fewer calls, or other ones, than the rest.
    run = ("run", "source.yaml", "--roster", str(work.roster), "--as-of", WINDOW["as_of"], "--data-dir", "data")
    return _python("prograde.entrypoints.cli", *run, "--set", "early_stop=off", "--set", "include_active=off")


def _one_day_script(work: Work) -> Sequence[str]:
    return _python("tests.benchmarks.one_day_script", work.reso_url, str(work.roster), "pages.sqlite")


def _plain_loop(client: str, threads: int) -> Callable[[Work], Sequence[str]]:
    return lambda work: _python("tests.benchmarks.plain_loops", client, str(threads), work.reso_url, str(work.roster))


def _python(module: str, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", module, *arguments)


PROGRADE = Contestant("prograde", _prograde)
ONE_DAY_SCRIPT = Contestant("one-day script", _one_day_script)
CONTESTANTS = (
    PROGRADE,
    ONE_DAY_SCRIPT,
    Contestant("requests, 1 thread", _plain_loop("requests", 1)),
    Contestant("requests, 16 threads", _plain_loop("requests", 16)),
    Contestant("urllib3, 1 thread", _plain_loop("urllib3", 1)),
    Contestant("urllib3 + orjson, 16 threads", _plain_loop("urllib3+orjson", 16)),
)
