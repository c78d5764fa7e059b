"""Pause, resume and cancel from the command line, also while another process works the batch."""

from pathlib import Path

import click

from prograde.adapters.local.data_directory import DataDirectory
from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.batch import Batch, BatchStatus
from prograde.entrypoints import session
from prograde.entrypoints.session import Terminal
from prograde.entrypoints.workplace import (
    existing_directory,
    owned_machine,
    refuse_beside_unfinished,
    shared_machine,
    the_unfinished,
    with_data_dir,
    with_output,
)
from prograde.errors import ConflictError
from prograde.use_cases.read_batch import read_progress
from prograde.use_cases.steer import cancel_batch, pause_batch, resume_batch


@click.command()
@click.argument("batch_id", required=False)
@click.option("--reason", default="", help="What is shown until it is resumed; given again, it is replaced.")
@with_data_dir
@with_output
def pause(batch_id: str | None, reason: str, data_dir: Path, output: str) -> int:
    """
    Stop the calls of a batch until it is resumed.

    Those in flight are finished. Without BATCH_ID the unfinished batch is meant, if there is only one.
    """
    directory = existing_directory(data_dir)
    with shared_machine(directory) as machine:
        batch = pause_batch(machine.services, the_unfinished(machine, batch_id).batch_id, reason)
        progress = read_progress(machine.services.store, batch.batch_id)
    session.report(progress, Terminal(data_dir, is_json=output == "json"))
    return session.EXIT_COMPLETE


@click.command()
@click.argument("batch_id", required=False)
@with_data_dir
@with_output
def resume(batch_id: str | None, data_dir: Path, output: str) -> int:
    """
    Go on with a batch that was interrupted or paused.

    Without BATCH_ID the unfinished batch is meant, if there is only one.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    directory = existing_directory(data_dir)
    if directory.is_served:
        return _resume_beside(directory, batch_id, terminal)
    with owned_machine(directory) as machine:
        batch = _resumable(machine, batch_id)
        refuse_beside_unfinished(machine, data_dir, chosen=batch)
        if batch.status is not BatchStatus.DRAINING:
            machine.source(batch)
        if batch.status in (BatchStatus.PAUSED, BatchStatus.RUNNING):
            batch = resume_batch(machine.services, batch.batch_id)
        return session.run_to_end(machine, batch, terminal)


def _resume_beside(directory: DataDirectory, batch_id: str | None, terminal: Terminal) -> int:
    """Resume a batch beside `prograde serve`, which takes it up; what is interrupted there goes on already."""
    with shared_machine(directory) as machine:
        batch = _resumable(machine, batch_id)
        if batch.status is BatchStatus.PAUSED:
            batch = resume_batch(machine.services, batch.batch_id)
        progress = read_progress(machine.services.store, batch.batch_id)
    session.report(progress, terminal, is_being_worked=True)
    return session.EXIT_COMPLETE


def _resumable(machine: LocalMachine, batch_id: str | None) -> Batch:
    """Find the batch that is meant; raises ConflictError for one that is over."""
    batch = the_unfinished(machine, batch_id)
    if not batch.status.is_over:
        return batch
    if batch.status is BatchStatus.CANCELLED:
        hint = "prograde run starts a new one"
    else:
        hint = f"prograde dead-letters replay {batch.batch_id} --all asks again for whoever failed"
    raise ConflictError(f"batch {batch.batch_id} is {batch.status}: there is nothing to resume; {hint}")


@click.command()
@click.argument("batch_id", required=False)
@with_data_dir
@with_output
def cancel(batch_id: str | None, data_dir: Path, output: str) -> int:
    """
    End a batch early, and export what there is.

    No further call is made, and the export is marked as cancelled. Without BATCH_ID the unfinished batch is meant, if
    there is only one.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    directory = existing_directory(data_dir)
    with shared_machine(directory) as machine:
        before = the_unfinished(machine, batch_id)
        batch = cancel_batch(machine.services, before.batch_id)
        if before.is_cancelled:
            terminal.errors.print(f"Batch {batch.batch_id} was cancelled already", markup=False)
        if batch.status.is_over or directory.is_taken:
            progress = read_progress(machine.services.store, batch.batch_id)
            code = session.report(progress, terminal, is_being_worked=True)
            return code if batch.status.is_over else session.EXIT_COMPLETE
    with owned_machine(directory) as machine:
        return session.run_to_end(machine, batch, terminal)
