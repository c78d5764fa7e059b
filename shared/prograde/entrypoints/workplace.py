"""What the commands share: the data directory that they work in, and how they answer."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from prograde import structured_logging
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.bootstrap.notifications import notifier
from prograde.domain.batch import Batch, BatchStatus
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import SourceCatalog
from prograde.settings import read_notifications
from prograde.use_cases.read_batch import read_batch

F = TypeVar("F", bound=Callable[..., Any])


def with_data_dir(command: F) -> F:
    """Give a command the option --data-dir."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default="prograde-data",
        show_default=True,
        help="The folder that keeps batches, raw rows and exports.",
    )(command)


def with_output(command: F) -> F:
    """Give a command the option --output."""
    return click.option(
        "--output", type=click.Choice(["text", "json"]), default="text", help="How the result is printed."
    )(command)


@contextmanager
def owned_machine(directory: DataDirectory, serving: SourceCatalog | None = None) -> Iterator[LocalMachine]:
    """
    Lend the machine of a data directory that no other process has, its log open, and tell who is to be told.

    `serving` are the sources of a process that takes up every batch. Raises InputError when nobody can be told.
    """
    notifications = read_notifications(os.environ)
    with (
        directory.lock(is_serving=serving is not None),
        local_machine(directory, serving or SourceFolder(directory.folder), os.environ) as machine,
    ):
        directory.turn_log()
        with _log(directory), notifier(notifications):
            machine.sweep()
            yield machine


@contextmanager
def _log(directory: DataDirectory) -> Iterator[None]:
    """Log to the file; lines that a full disk does not take are lost, and must not hide what the run has to say."""
    log = directory.log.open("a", encoding="utf-8")
    structured_logging.configure(log)
    try:
        yield
    finally:
        with suppress(OSError):
            log.close()


@contextmanager
def shared_machine(directory: DataDirectory) -> Iterator[LocalMachine]:
    """Lend the machine of a data directory in which another process may be working: its state, never its tasks."""
    with local_machine(directory, SourceFolder(directory.folder), os.environ) as machine, _log(directory):
        yield machine


def existing_directory(data_dir: Path) -> DataDirectory:
    """Find the data directory of earlier runs; raises InputError when nothing was ever started there."""
    directory = DataDirectory(data_dir)
    if not directory.is_there:
        raise InputError([Problem("--data-dir", str(data_dir), "holds no batches: give the folder of an earlier run")])
    return directory


def refuse_beside_unfinished(machine: LocalMachine, data_dir: Path, chosen: Batch | None) -> None:
    """One batch at a time shares the pace of a data directory; an unfinished one is never pre-empted silently."""
    for batch in machine.services.store.unfinished():
        is_other = chosen is None or batch.batch_id != chosen.batch_id
        if is_other and batch.status is not BatchStatus.PAUSED:
            remedy = f"holds the unfinished batch {batch.batch_id}: resume or cancel it first, or choose another folder"
            raise InputError([Problem("--data-dir", str(data_dir), remedy)])


def the_unfinished(machine: LocalMachine, batch_id: str | None) -> Batch:
    """Find the batch that is meant: the named one, or the only one that is not over."""
    store = machine.services.store
    if batch_id is not None:
        return read_batch(store, batch_id)
    unfinished = list(store.unfinished())
    if len(unfinished) == 1:
        return unfinished[0]
    if not unfinished:
        raise NotFoundError("no batch here is running or paused: prograde status lists them")
    raise InputError([Problem("batch_id", None, f"name one of {', '.join(batch.batch_id for batch in unfinished)}")])
