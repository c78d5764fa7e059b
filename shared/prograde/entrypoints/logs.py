"""The command `prograde logs`: what was logged of a batch, for people."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from prograde.entrypoints.workplace import existing_directory, shared_machine, with_data_dir, with_output
from prograde.use_cases.read_batch import read_batch

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SAID_FIRST = ("timestamp", "severity", "message", "batch_id", "logger", "exception")


@click.command()
@click.argument("batch_id", required=False)
@click.option(
    "--level",
    type=click.Choice(LEVELS[1:4], case_sensitive=False),
    default="INFO",
    show_default=True,
    help="The least severity that is shown.",
)
@with_data_dir
@with_output
def logs(batch_id: str | None, level: str, data_dir: Path, output: str) -> int:
    """Show what was logged of a batch, or of all."""
    directory = existing_directory(data_dir)
    if batch_id is not None:
        with shared_machine(directory) as machine:
            read_batch(machine.services.store, batch_id)
    for path in directory.logs:
        with path.open(encoding="utf-8", errors="replace") as log:
            for line, said in _chosen(log, batch_id, LEVELS.index(level.upper())):
                click.echo(line if output == "json" else _told(said))
    return 0


def _chosen(log: Iterable[str], batch_id: str | None, least: int) -> Iterator[tuple[str, dict[str, object]]]:
    for line in log:
        # Most lines are somebody else's, and need not be parsed to tell.
        if batch_id is not None and batch_id not in line:
            continue
        try:
            said = json.loads(line)
        except json.JSONDecodeError:
            continue  # A line that a kill or a full disk cut short.
        is_its = batch_id is None or said.get("batch_id") == batch_id
        severity = said.get("severity")
        if is_its and (LEVELS.index(severity) if severity in LEVELS else least) >= least:
            yield line.rstrip("\n"), said


def _told(said: dict[str, object]) -> str:
    """Write a line for people; what a source sent cannot steer the terminal."""
    facts = " ".join(
        f"{name}={value}" for name, value in said.items() if name not in SAID_FIRST and value not in ("", None)
    )
    line = f"{str(said.get('timestamp', ''))[:19]} {said.get('severity', ''):7} {said.get('message', '')}  {facts}"
    return "".join(character if character.isprintable() else "?" for character in line.rstrip())
