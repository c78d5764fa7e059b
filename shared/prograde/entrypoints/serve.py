"""The command `prograde serve`: the pages and the API, and the dispatcher that works what they start."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import click

from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.dispatcher import CONCURRENCY_MAX, REFUSALS_WORTH_SAYING, Dispatcher
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.batch import Batch, BatchStatus
from prograde.entrypoints import session
from prograde.entrypoints.workplace import owned_machine, with_data_dir
from prograde.errors import InputError, Problem

CONCURRENCY_MIN = 4
"""While nothing is under way; who only drains makes no call."""
LOOK_EVERY = timedelta(seconds=1)


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="0 takes a free one.")
@with_data_dir
@click.option(
    "--sources",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="The folder of the source files (*.yaml) that a batch may name.",
)
def serve(port: int, data_dir: Path, sources: Path) -> int:
    """
    Serve the pages and the HTTP API on this machine.

    What is started there is worked here, until Ctrl-C.
    """
    from prograde.bootstrap.hosting import function_app
    from prograde.entrypoints.web_server import WebServer

    if not sources.is_dir():
        raise InputError([Problem("--sources", str(sources), "is no folder: give the one with your source files")])
    with owned_machine(DataDirectory(data_dir), SourceFolder(sources)) as machine:
        dispatcher = machine.dispatcher(CONCURRENCY_MIN)
        with (
            session.interruptible(machine) as stopping,
            WebServer(function_app("start_batch", machine.services), port) as server,
        ):
            click.echo(f"prograde serves {server.url} (data in {data_dir}, sources in {sources}); Ctrl-C stops it")
            work(machine, dispatcher, stopping)
    click.echo("Stopped. Nothing is lost: prograde serve goes on with what is unfinished", err=True)
    return session.EXIT_COMPLETE


def work(machine: LocalMachine, dispatcher: Dispatcher, stopping: threading.Event) -> None:
    """Deliver until told to stop, with as many calls in flight as the sources of the unfinished batches allow."""
    shares = _Shares(machine)
    looked_at: datetime | None = None
    told = ""

    def is_over() -> bool:
        nonlocal looked_at, told
        now = machine.services.clock.now()
        if looked_at is None or not timedelta() <= now - looked_at < LOOK_EVERY:
            looked_at = now
            dealt = shares()
            dispatcher.share(min(max(sum(dealt.values()), CONCURRENCY_MIN), CONCURRENCY_MAX), dealt)
            refusal = dispatcher.most_refused
            if refusal.times >= REFUSALS_WORTH_SAYING and refusal.answer != told:
                told = refusal.answer
                click.echo(f"A {refusal.kind} task is refused again and again: {told}", err=True)
        return False

    dispatcher.run(is_over, stopping, machine.interrupt)


class _Shares:
    """Deals the calls that may be in flight: each source has what it allows, its running batches even parts of that."""

    def __init__(self, machine: LocalMachine) -> None:
        self._machine = machine
        self._of_source: dict[str, int] = {}

    def __call__(self) -> Mapping[str, int]:
        """Tell how many pages of each running batch may be in hand now."""
        running = [batch for batch in self._machine.services.store.unfinished() if batch.status is BatchStatus.RUNNING]
        for batch in running:
            if batch.source_sha256 not in self._of_source:
                self._of_source[batch.source_sha256] = self._allowed_by(batch)
        beside = Counter(batch.source_sha256 for batch in running)
        wanted = max(sum(self._of_source[sha256] for sha256 in beside), 1)
        # Where all together want more than there are workers, each goes without as much.
        scale = min(1.0, CONCURRENCY_MAX / wanted)
        return {
            batch.batch_id: max(1, int(scale * self._of_source[batch.source_sha256] / beside[batch.source_sha256]))
            for batch in running
        }

    def _allowed_by(self, batch: Batch) -> int:
        try:
            return self._machine.source(batch).client.concurrency
        except InputError:
            # Its secret may be missing now: then its tasks are refused, and say why.
            return 0
