"""The main job on one machine, offline: a made-up market behind the practice API, graded from end to end."""

import os
import shutil
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path

import click

from prograde.adapters.local.data_directory import DataDirectory
from prograde.entrypoints.cli import run_command
from prograde.entrypoints.session import EXIT_BAD_INPUT
from prograde.errors import InputError
from prograde.sandbox.publishing import write_roster
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer

FOLDER = Path("prograde-data") / "demo"
AGENTS = 100
SEED = 7
AS_OF = date(2026, 6, 30)
TOKEN = "sandbox"  # noqa: S105  # opens nothing but the practice API


def main() -> int:
    """Run the demo, if no other one runs; returns the exit code of `prograde run`."""
    try:
        with DataDirectory(FOLDER).lock():
            return _run()
    except InputError as error:
        click.echo(f"Error: {error}", err=True)
        return EXIT_BAD_INPUT


def _run() -> int:
    # What an earlier demo left is only a demo's; a fresh start shows the whole way each time.
    shutil.rmtree(FOLDER / "data", ignore_errors=True)
    market = seeded_market(AGENTS, SEED, AS_OF)
    write_roster(FOLDER / "roster.csv", market)
    os.environ["SANDBOX_TOKEN"] = TOKEN
    os.environ["PROGRADE_PACE_DIR"] = str(FOLDER / "pace")
    with SandboxServer(market, TOKEN) as server:
        template = (files("prograde.templates") / "sandbox_reso.yaml").read_text(encoding="utf-8")
        source = template.replace("http://127.0.0.1:8765/reso/odata", server.reso_url)
        (FOLDER / "source.yaml").write_text(source, encoding="utf-8")
        command = ["run", str(FOLDER / "source.yaml"), "--roster", str(FOLDER / "roster.csv"), "--as-of", str(AS_OF)]
        command += ["--data-dir", str(FOLDER / "data")]
        click.echo(f"$ prograde {' '.join(command)}", err=True)
        code = run_command(command, again="Stopped, and the practice API with it: make demo begins anew")
        stats = server.stats()
    click.echo(f"The practice API counted {stats.calls} calls, {stats.most_in_a_second} in its busiest second.")
    return code


if __name__ == "__main__":
    sys.exit(main())
