"""Dead letters on the command line: what failed, why, with the evidence; and what to do about it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.professional import Professional, Stage
from prograde.entrypoints import session
from prograde.entrypoints.session import Terminal
from prograde.entrypoints.workplace import (
    F,
    existing_directory,
    owned_machine,
    refuse_beside_unfinished,
    shared_machine,
    with_data_dir,
    with_output,
)
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import Attempt
from prograde.use_cases import dead_letters as letters
from prograde.use_cases.read_batch import read_batch

SHOWN = 20
"""Professionals named of each cause; JSON names them all."""
BODY_SHOWN = 400
"""Characters shown of an answer that failed; JSON has more, the raw row all."""


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at who failed or was not found; ask again or accept."""


@dead_letters.command("list")
@click.argument("batch_id", required=False)
@click.option("--cause", help="Only those of this cause; not_found is one.")
@click.option("--discarded", "is_discarded", is_flag=True, help="Those that were discarded instead.")
@with_data_dir
@with_output
def list_(
    batch_id: str | None,
    cause: str | None,
    is_discarded: bool,  # noqa: FBT001  # click passes options by name
    data_dir: Path,
    output: str,
) -> int:
    """
    List who failed in a batch, by cause.

    Without BATCH_ID the newest batch is meant.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    with shared_machine(existing_directory(data_dir)) as machine:
        batch = _batch(machine, batch_id)
        store = machine.services.store
        found = sorted(letters.dead_letters(store, batch.batch_id, is_discarded=is_discarded), key=_group)
        found = _of_cause(found, batch, cause)
    if terminal.is_json:
        terminal.output.print_json(json.dumps([_summary(letter) for letter in found]))
    else:
        _print_groups(batch, found, terminal)
    return session.EXIT_COMPLETE


@dead_letters.command()
@click.argument("batch_id")
@click.argument("professional_id")
@with_data_dir
@with_output
def show(batch_id: str, professional_id: str, data_dir: Path, output: str) -> int:
    """Show what was asked for one of them, and what came back."""
    terminal = Terminal(data_dir, is_json=output == "json")
    with shared_machine(existing_directory(data_dir)) as machine:
        professional, attempts = letters.evidence(machine.services, batch_id, professional_id)
    if terminal.is_json:
        shown = _summary(professional) | {"attempts": [_evidence(attempt) for attempt in attempts]}
        terminal.output.print_json(json.dumps(shown))
    else:
        _print_letter(professional, attempts, terminal)
    return session.EXIT_COMPLETE


def _selection(command: F) -> F:
    """The arguments that say which dead letters are meant."""
    for option in (
        with_output,
        with_data_dir,
        click.option("--all", "is_all", is_flag=True, help="Every dead letter of the batch."),
        click.option("--cause", help="Every dead letter with this cause."),
        click.argument("professional_ids", nargs=-1),
        click.argument("batch_id"),
    ):
        command = option(command)
    return command


@dead_letters.command()
@_selection
def replay(
    batch_id: str,
    professional_ids: tuple[str, ...],
    cause: str | None,
    is_all: bool,  # noqa: FBT001  # click passes options by name
    data_dir: Path,
    output: str,
) -> int:
    """
    Ask again for professionals that failed or were not found.

    A finished batch runs on, to a new export beside the old one.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    directory = existing_directory(data_dir)
    with shared_machine(directory) as machine:
        batch = read_batch(machine.services.store, batch_id)
        # Whoever works the batch takes it up; one that is over is worked by nobody but who serves them all.
        if directory.is_served or (directory.is_taken and not batch.status.is_over):
            _replay(machine, batch, professional_ids, cause, is_all=is_all, terminal=terminal)
            return session.EXIT_COMPLETE
    with owned_machine(directory) as machine:
        refuse_beside_unfinished(machine, data_dir, chosen=batch)
        machine.source(batch)
        batch = _replay(machine, batch, professional_ids, cause, is_all=is_all, terminal=terminal)
        return session.run_to_end(machine, batch, terminal)


@dead_letters.command()
@_selection
def discard(
    batch_id: str,
    professional_ids: tuple[str, ...],
    cause: str | None,
    is_all: bool,  # noqa: FBT001  # click passes options by name
    data_dir: Path,
    output: str,
) -> int:
    """
    Take dead letters off the list: they were looked at.

    Their professionals stay as they are, ungraded.
    """
    terminal = Terminal(data_dir, is_json=output == "json")
    with shared_machine(existing_directory(data_dir)) as machine:
        batch = read_batch(machine.services.store, batch_id)
        chosen = _chosen(machine, batch, professional_ids, cause, is_all=is_all)
        count = letters.discard(machine.services, batch_id, chosen)
    if terminal.is_json:
        terminal.output.print_json(json.dumps({"discarded": count}))
    else:
        before = len(set(chosen)) - count
        already = f"; {before:,} were discarded already" if before else ""
        terminal.output.print(f"Discarded {count:,} of batch {batch_id}{already}", markup=False)
    return session.EXIT_COMPLETE


def _replay(
    machine: LocalMachine,
    batch: Batch,
    professional_ids: Sequence[str],
    cause: str | None,
    *,
    is_all: bool,
    terminal: Terminal,
) -> Batch:
    chosen = _chosen(machine, batch, professional_ids, cause, is_all=is_all)
    after = letters.replay(machine.services, batch.batch_id, chosen)
    terminal.errors.print(f"Replaying {len(chosen):,} of batch {batch.batch_id}", markup=False)
    return after


def _chosen(
    machine: LocalMachine, batch: Batch, professional_ids: Sequence[str], cause: str | None, *, is_all: bool
) -> Sequence[str]:
    """Tell which professionals are meant: those named, or those of a cause, or all."""
    ways = sum((bool(professional_ids), cause is not None, is_all))
    if ways != 1:
        remedy = "name professionals by their ids, or choose --cause CAUSE, or --all"
        raise InputError([Problem("professional_ids", None, f"{remedy}: one of these only" if ways else remedy)])
    if professional_ids:
        return professional_ids
    found = _of_cause(list(letters.dead_letters(machine.services.store, batch.batch_id)), batch, cause)
    if not found:
        raise NotFoundError(f"batch {batch.batch_id} has no dead letters")
    return [each.professional_id for each in found]


def _of_cause(found: list[Professional], batch: Batch, cause: str | None) -> list[Professional]:
    """Pick those of a cause, if one is given; raises NotFoundError naming the causes there are."""
    if cause is None:
        return found
    chosen = [each for each in found if each.failure_cause == cause]
    if not chosen:
        causes = ", ".join(sorted({each.failure_cause for each in found})) or "none"
        raise NotFoundError(f"batch {batch.batch_id} has no dead letters with cause {cause}; there is: {causes}")
    return chosen


def _batch(machine: LocalMachine, batch_id: str | None) -> Batch:
    store = machine.services.store
    batch = read_batch(store, batch_id) if batch_id is not None else next(store.batches(), None)
    if batch is None:
        raise NotFoundError("there is no batch yet")
    return batch


def _group(letter: Professional) -> tuple[str, str, str]:
    return letter.failure_cause, letter.stage, letter.professional_id


def _summary(letter: Professional) -> dict[str, object]:
    return {
        "professional_id": letter.professional_id,
        "cause": letter.failure_cause,
        "failure": letter.last_failure,
        "stop_reason": letter.stop_reason,
        "stage": letter.stage,
        "page": letter.page,
        "calls": letter.calls,
        "counted_pages": len(letter.ledger),
        "is_discarded": letter.is_discarded,
    }


def _evidence(attempt: Attempt) -> dict[str, object]:
    told = asdict(replace(attempt, records=())) | {"sent_at": attempt.sent_at.isoformat()}
    del told["records"]
    return told


def _print_groups(batch: Batch, found: Sequence[Professional], terminal: Terminal) -> None:
    if not found:
        terminal.output.print(f"Batch {batch.batch_id} has no dead letters", markup=False)
        return
    table = Table(title=f"Dead letters of batch {batch.batch_id}", title_justify="left")
    for heading in ("Cause", "Stage"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Count", justify="right")
    for heading in ("Such as", "Professionals"):
        table.add_column(heading)
    for (cause, stage), group in groupby(found, key=lambda letter: _group(letter)[:2]):
        members = list(group)
        names = ", ".join(letter.professional_id for letter in members[:SHOWN])
        more = f" and {len(members) - SHOWN:,} more" if len(members) > SHOWN else ""
        table.add_row(cause, stage, f"{len(members):,}", escape(members[0].last_failure), escape(names + more))
    terminal.output.print(table)
    terminal.output.print(
        f"Evidence: prograde dead-letters show {batch.batch_id} PROFESSIONAL --data-dir {terminal.data_dir}",
        markup=False,
    )
    if batch.status is not BatchStatus.CANCELLED:
        terminal.output.print(f"Ask again: {session.replay_hint(batch, terminal)}", markup=False)


def _print_letter(letter: Professional, attempts: Sequence[Attempt], terminal: Terminal) -> None:
    output = terminal.output
    output.print(f"{letter.professional_id}: {letter.last_failure}", markup=False)
    output.print(
        f"stopped by {letter.stop_reason} at the {letter.stage} stage, page {letter.page}, "
        f"after {letter.calls} calls, {len(letter.ledger)} of them counted",
        markup=False,
    )
    for attempt in attempts:
        output.print(
            f"\nstep {attempt.step}, {attempt.sent_at:%Y-%m-%d %H:%M:%S} UTC, {attempt.outcome}, status "
            f"{attempt.status or 'none'}, {attempt.latency_ms:.0f} ms, raw row {attempt.raw_id}\n  {attempt.url}",
            markup=False,
        )
        if attempt.agent_key != letter.agent_key and attempt.stage != Stage.PROFILE:
            output.print(
                f"  asked for {attempt.agent_key}, to see if the source answers anybody; not counted", markup=False
            )
        if attempt.detail:
            output.print(f"  {attempt.detail}", markup=False)
            if attempt.body:
                output.print(f"  answered: {_printable(attempt.body[:BODY_SHOWN])}", markup=False)


def _printable(text: str) -> str:
    """Write what a source sent so that it cannot steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
