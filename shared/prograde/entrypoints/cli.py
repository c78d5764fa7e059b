"""
The command line.

Exit codes: 0 complete; 3 complete, but professionals failed or nobody was graded; 4 paused, by hand or because the
source refuses the credentials; 5 incomplete or cancelled; 2 bad input, nothing was created; 130 interrupted; 1
something broke. After 1, 4 and 130 `prograde resume` goes on.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from shutil import copytree

import click

from prograde import __version__
from prograde.adapters.listing_api.source_file import source_schema
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.system_clock import SystemClock
from prograde.entrypoints import session
from prograde.entrypoints.dead_letters import dead_letters
from prograde.entrypoints.logs import logs
from prograde.entrypoints.order import checked_order
from prograde.entrypoints.order_files import given_files
from prograde.entrypoints.plan_text import plan_lines
from prograde.entrypoints.serve import serve
from prograde.entrypoints.session import Terminal
from prograde.entrypoints.steering import cancel, pause, resume
from prograde.entrypoints.workplace import (
    F,
    existing_directory,
    owned_machine,
    refuse_beside_unfinished,
    shared_machine,
    with_data_dir,
    with_output,
)
from prograde.errors import ConflictError, InputError, NotFoundError, Problem, ProgradeError
from prograde.sandbox.command import sandbox
from prograde.use_cases.plan import Plan, last_experience, plan_batch
from prograde.use_cases.read_batch import read_batch, read_progress
from prograde.use_cases.start_batch import start_batch


def _order(*, is_roster_required: bool) -> Callable[[F], F]:
    """The arguments that describe a batch."""

    def decorate(command: F) -> F:
        for option in reversed(
            [
                click.argument("source", type=click.Path(path_type=Path)),
                click.option(
                    "--roster",
                    type=click.Path(path_type=Path),
                    required=is_roster_required,
                    help="A CSV with a professional_id column.",
                ),
                click.option("--as-of", help="Grade as of the end of this day (2026-06-30); today by default."),
                click.option(
                    "--parameters", type=click.Path(path_type=Path), help="A YAML file with the run's parameters."
                ),
                click.option(
                    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One parameter; may be repeated."
                ),
            ]
        ):
            command = option(command)
        return command

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="prograde")
def cli() -> None:
    """Grade real-estate professionals by what a listing API says they sold."""


@cli.command()
@_order(is_roster_required=True)
@with_data_dir
@with_output
def run(
    source: Path,
    roster: Path,
    as_of: str | None,
    parameters: Path | None,
    settings: tuple[str, ...],
    data_dir: Path,
    output: str,
) -> int:
    """Grade a roster of professionals, by a source file."""
    terminal = Terminal(data_dir, is_json=output == "json", again=click.get_current_context().obj or "")
    given = given_files(source, roster, parameters, settings, as_of)
    with checked_order(given, SystemClock().now().date(), os.environ) as checked:
        for note in checked.notes:
            terminal.errors.print(f"Roster: {note}", markup=False)
        with owned_machine(DataDirectory(data_dir)) as machine:
            refuse_beside_unfinished(machine, data_dir, chosen=None)
            batch = start_batch(machine.services, checked.order)
            terminal.errors.print(
                f"Batch {batch.batch_id}: {checked.order.professionals:,} professionals", markup=False
            )
            return session.run_to_end(machine, batch, terminal)


@cli.command()
@click.argument("batch_id", required=False)
@with_data_dir
@with_output
def status(batch_id: str | None, data_dir: Path, output: str) -> int:
    """
    Show how a batch stands, or list them all.

    A running batch is not disturbed.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    directory = existing_directory(data_dir)
    # Asked first: a run that ends meanwhile is then shown as being worked, not as interrupted.
    is_being_worked = directory.is_taken
    with shared_machine(directory) as machine:
        store = machine.services.store
        chosen = [read_batch(store, batch_id)] if batch_id else list(store.batches())
        progresses = [read_progress(store, batch.batch_id) for batch in chosen]
    if batch_id:
        session.report(progresses[0], terminal, is_being_worked=is_being_worked)
    elif terminal.is_json:
        terminal.output.print_json(json.dumps([session.summary(each, data_dir) for each in progresses]))
    else:
        session.print_batches(progresses, terminal, is_being_worked=is_being_worked)
    return session.EXIT_COMPLETE


@cli.command()
@click.argument("batch_id", required=False)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="A folder that does not exist yet."
)
@with_data_dir
def export(batch_id: str | None, target: Path, data_dir: Path) -> int:
    """Copy a finished batch's CSVs and manifest to a folder."""
    with shared_machine(existing_directory(data_dir)) as machine:
        store = machine.services.store
        batch = (
            read_batch(store, batch_id) if batch_id else next((b for b in store.batches() if b.status.is_over), None)
        )
    if batch is None:
        raise NotFoundError(f"no batch of {data_dir} is finished yet: prograde status tells how they stand")
    if not batch.status.is_over:
        raise ConflictError(f"batch {batch.batch_id} is {batch.status}: it has no export yet")
    if target.exists():
        raise InputError([Problem("--to", str(target), "exists already: name a new folder")])
    try:
        copytree(session.export_folder(data_dir, batch), target)
    except OSError as error:
        raise InputError([Problem("--to", str(target), f"cannot be written: {error}")]) from error
    click.echo(target)
    return session.EXIT_COMPLETE


@cli.command()
@_order(is_roster_required=False)
def validate(
    source: Path, roster: Path | None, as_of: str | None, parameters: Path | None, settings: tuple[str, ...]
) -> int:
    """
    Check a source file, a roster, parameters; start nothing.

    Only the files are checked: the API itself is not asked.
    """
    given = given_files(source, roster, parameters, settings, as_of)
    with checked_order(given, SystemClock().now().date(), os.environ) as checked:
        for note in checked.notes:
            click.echo(f"Roster: {note}")
        click.echo(f"{source}: source {checked.source.name} is well formed; the API itself was not asked")
        if roster is not None:
            click.echo(f"{roster}: {checked.order.professionals:,} professionals")
    return session.EXIT_COMPLETE


@cli.command()
@_order(is_roster_required=True)
@with_data_dir
@with_output
def plan(
    source: Path,
    roster: Path,
    as_of: str | None,
    parameters: Path | None,
    settings: tuple[str, ...],
    data_dir: Path,
    output: str,
) -> int:
    """
    Estimate a batch's calls, hours and cost; start nothing.

    From the last batch of its source, if there is one.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    given = given_files(source, roster, parameters, settings, as_of)
    with checked_order(given, SystemClock().now().date(), os.environ) as checked:
        last = None
        directory = DataDirectory(data_dir)
        if directory.is_there:
            with shared_machine(directory) as machine:
                last = last_experience(machine.services.store, checked.source.name)
        order = checked.order
        planned = plan_batch(order.parameters, order.professionals, checked.source.rate_limits, last)
    _print_plan(planned, terminal)
    return session.EXIT_COMPLETE


def _print_plan(planned: Plan, terminal: Terminal) -> None:
    if terminal.is_json:
        last = None if planned.last is None else planned.last.batch_id
        terminal.output.print_json(
            json.dumps(
                {
                    "professionals": planned.professionals,
                    "calls": planned.calls,
                    "seconds": planned.duration.total_seconds(),
                    "cloud_dollars": planned.cloud_cents / 100,
                    "from_batch": last,
                }
            )
        )
        return
    for heading, sentence in plan_lines(planned):
        terminal.output.print(f"{heading:14}{sentence}", markup=False)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
def init(folder: Path) -> int:
    """
    Write a source file and a roster to start from.

    The source file is for a RESO Web API, and commented.
    """
    templates = files("prograde.templates")
    written = {
        "source.yaml": (templates / "source_reso.yaml").read_text(encoding="utf-8"),
        "source.schema.json": json.dumps(source_schema(), indent=2) + "\n",
        "roster.csv": (templates / "roster.csv").read_text(encoding="utf-8"),
    }
    taken = [
        Problem(name, str(folder / name), "exists already: move it away")
        for name in written
        if (folder / name).exists()
    ]
    if taken:
        raise InputError(taken)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError([Problem("folder", str(folder), f"cannot be written: {error.strerror}")]) from error
    click.echo(f"Wrote {', '.join(written)} to {folder}. Next: prograde validate {folder / 'source.yaml'}")
    return session.EXIT_COMPLETE


for command in (pause, resume, cancel, dead_letters, logs, serve, sandbox):
    cli.add_command(command)


def run_command(arguments: Sequence[str] | None = None, again: str = "") -> int:
    """
    Run one command and return its exit code; errors are told in a sentence each.

    `again` says how to go on with a run that is interrupted, where that is not by `prograde resume`.
    """
    try:
        code: int = cli.main(arguments, standalone_mode=False, obj=again)
    except InputError as error:
        for problem in error.problems:
            click.echo(f"Error: {problem}", err=True)
        return session.EXIT_BAD_INPUT
    except (NotFoundError, ConflictError) as error:
        click.echo(f"Error: {error}", err=True)
        return session.EXIT_BAD_INPUT
    except ProgradeError as error:
        click.echo(
            f"Error: {error}. Nothing that was committed is lost: prograde resume goes on with a batch that was begun",
            err=True,
        )
        return session.EXIT_ERROR
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return session.EXIT_INTERRUPTED
    return code


def main() -> None:
    """Run the command line."""
    sys.exit(run_command())


if __name__ == "__main__":
    main()
