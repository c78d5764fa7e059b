"""Run a batch to its end on this machine: deliver tasks, show progress, stop cleanly, say how to go on."""

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.batch import Batch, BatchStatus
from prograde.entrypoints.progress import ProgressDisplay
from prograde.entrypoints.standing import counts_text, outage_text, status_text
from prograde.entrypoints.summary import CAUSES_SHOWN, Findings, findings, print_result
from prograde.use_cases.read_batch import Progress, read_batch, read_progress

EXIT_COMPLETE = 0
EXIT_ERROR = 1
EXIT_BAD_INPUT = 2
EXIT_WITH_FAILED = 3
EXIT_PAUSED = 4
EXIT_INCOMPLETE = 5
EXIT_INTERRUPTED = 130
DRAINING_CONCURRENCY = 4
"""Who only drains makes no call, and needs no source."""
REFUSALS_MAX = 8
"""A task refused this often by our own functions (some 50 seconds, backing off) will not heal by itself."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """
    How to talk to who started us: progress goes to standard error, the result to standard output.

    `again` says how to go on, where that is not by `prograde resume`.
    """

    data_dir: Path
    is_json: bool
    again: str = ""

    @property
    def errors(self) -> Console:
        """Standard error."""
        return Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def output(self) -> Console:
        """Standard output."""
        return Console(highlight=False, soft_wrap=True)


def run_to_end(machine: LocalMachine, batch: Batch, terminal: Terminal) -> int:
    """Work the batch until it is over, paused or interrupted; returns the exit code."""
    store = machine.services.store
    # Built before anything is delivered: what is wrong with the source or its ledger is said once, and at once.
    concurrency = DRAINING_CONCURRENCY
    if batch.status is not BatchStatus.DRAINING:
        machine.listing_source(batch)
        concurrency = machine.source(batch).client.concurrency
    dispatcher = machine.dispatcher(concurrency)

    def is_over() -> bool:
        status = read_batch(store, batch.batch_id).status
        is_stuck = dispatcher.most_refused.times >= REFUSALS_MAX
        return status.is_over or status is BatchStatus.PAUSED or is_stuck

    display = ProgressDisplay(machine, batch.batch_id, terminal.errors)
    with interruptible(machine) as stopping, display.shown():
        dispatcher.run(is_over, stopping, machine.interrupt)
    refusal = dispatcher.most_refused
    stuck = f"a {refusal.kind} task failed {refusal.times} times: {refusal.answer}"
    progress = read_progress(store, batch.batch_id)
    return report(
        progress, terminal, is_interrupted=stopping.is_set(), stuck=stuck if refusal.times >= REFUSALS_MAX else ""
    )


@contextmanager
def interruptible(machine: LocalMachine) -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into a clean stop: calls in flight are finished, none is begun; a second one kills."""
    stopping = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stopping.set()
        # Only the dispatcher is woken: it lets the calls that wait go once it has noted that this is the end.
        machine.queue.changed.set()

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def report(
    progress: Progress,
    terminal: Terminal,
    *,
    is_interrupted: bool = False,
    is_being_worked: bool = False,
    stuck: str = "",
) -> int:
    """Say how the batch stands and, unless it is being worked, how to go on; returns the exit code."""
    batch = progress.batch
    code = _exit_code(progress, is_interrupted=is_interrupted, is_stuck=bool(stuck))
    found = None
    if batch.status.is_over:
        folder = export_folder(terminal.data_dir, batch)
        try:
            found = findings(progress, folder)
        except OSError as error:
            terminal.errors.print(f"The export is not where it was published: {error}", markup=False)
        else:
            if not terminal.is_json:
                print_result(progress, found, terminal.output, folder)
    elif not terminal.is_json:
        terminal.output.print(_standing(progress, is_being_worked=is_being_worked), markup=False)
    if terminal.is_json:
        terminal.output.print_json(json.dumps(summary(progress, terminal.data_dir, found)))
    for remark in _remarks(progress, terminal, stuck, is_being_worked=is_being_worked):
        terminal.errors.print(remark, markup=False)
    return code


def _standing(progress: Progress, *, is_being_worked: bool) -> str:
    batch = progress.batch
    outage = "" if batch.outage is None else f", {outage_text(batch.outage)}"
    status = status_text(batch, is_being_worked=is_being_worked)
    return f"Batch {batch.batch_id}: {status}, {counts_text(progress)}{outage}"


def _remarks(progress: Progress, terminal: Terminal, stuck: str, *, is_being_worked: bool) -> Iterator[str]:
    """Say why it stands as it does, and how to go on if there is a way."""
    batch = progress.batch
    if stuck:
        yield f"Stopped: {stuck}"
    if batch.reason:
        yield f"Batch {batch.batch_id} is {batch.status}: {batch.reason}"
    if not batch.status.is_over and not is_being_worked:
        resume = f"Nothing is lost. To go on: prograde resume {batch.batch_id} --data-dir {terminal.data_dir}"
        yield terminal.again or resume
    if batch.status in (BatchStatus.COMPLETE, BatchStatus.INCOMPLETE) and progress.by_state.get("failed"):
        yield f"Why some failed: prograde dead-letters list {batch.batch_id} --data-dir {terminal.data_dir}"
        yield f"To ask again: {replay_hint(batch, terminal)}"


def replay_hint(batch: Batch, terminal: Terminal) -> str:
    """Write the command that replays all dead letters of a batch."""
    return f"prograde dead-letters replay {batch.batch_id} --all --data-dir {terminal.data_dir}"


def _exit_code(progress: Progress, *, is_interrupted: bool, is_stuck: bool) -> int:
    match progress.batch.status:
        case BatchStatus.COMPLETE:
            is_clean = not progress.by_state.get("failed") and any(progress.by_grade.values())
            return EXIT_COMPLETE if is_clean else EXIT_WITH_FAILED
        case BatchStatus.INCOMPLETE | BatchStatus.CANCELLED:
            return EXIT_INCOMPLETE
        case BatchStatus.PAUSED:
            return EXIT_PAUSED
        case _:
            return EXIT_INTERRUPTED if is_interrupted and not is_stuck else EXIT_ERROR


def export_folder(data_dir: Path, batch: Batch) -> Path:
    """Tell where the latest grading run was published on this machine."""
    return data_dir / "blobs" / "exports" / batch.batch_id / f"{batch.grading_run:03}"


def summary(progress: Progress, data_dir: Path, found: Findings | None = None) -> dict[str, object]:
    """Describe a batch for machines."""
    batch = progress.batch
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "reason": batch.reason,
        "outage_since": None if batch.outage is None else batch.outage.since.isoformat(),
        "as_of": str(batch.parameters.as_of),
        "professionals": progress.total,
        "open": progress.open,
        "by_state": dict(progress.by_state),
        "by_grade": dict(progress.by_grade),
        "grading_run": batch.grading_run,
        "export": str(export_folder(data_dir, batch)) if batch.status.is_over else None,
        "export_digest": batch.export_digest,
        "causes": None if found is None else {each.name: each.count for each in found.causes[:CAUSES_SHOWN]},
        "warnings": None if found is None else list(found.warnings),
    }


def print_batches(progresses: Sequence[Progress], terminal: Terminal, *, is_being_worked: bool) -> None:
    """List batches, newest first; one that nobody works and that is not over was interrupted."""
    for progress in progresses:
        batch = progress.batch
        lines = [
            f"{batch.batch_id}, started {batch.created_at:%Y-%m-%d %H:%M} UTC",
            status_text(batch, is_being_worked=is_being_worked),
            counts_text(progress),
        ]
        if batch.outage is not None:
            lines.append(outage_text(batch.outage))
        if batch.reason:
            lines.append(batch.reason)
        terminal.output.print("\n  ".join(lines), markup=False)
