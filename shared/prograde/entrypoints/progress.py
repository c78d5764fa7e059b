"""The progress of a batch on the terminal: a bar that moves, or a line now and then where there is no terminal."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.source_health import Outage
from prograde.errors import ProgradeError
from prograde.use_cases.read_batch import Progress, read_progress

REFRESH_SECONDS = 0.5
LINE_EVERY = timedelta(seconds=10)
PACE_OVER = timedelta(seconds=30)
"""The pace, and so the remaining time, is that of the last half minute."""
WIDE = 100
"""Columns from which there is room for the grades so far."""
WAIT_WORTH_SAYING = timedelta(seconds=3)


class Pace:
    """How fast something grows, over the last half minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[datetime, int]] = deque()

    def add(self, now: datetime, count: int) -> None:
        """Note how far it is."""
        self._samples.append((now, count))
        while now - self._samples[0][0] > PACE_OVER:
            self._samples.popleft()

    @property
    def per_second(self) -> float:
        """The growth a second; 0.0 until it can be told."""
        (began, first), (now, last) = self._samples[0], self._samples[-1]
        seconds = (now - began).total_seconds()
        return (last - first) / seconds if seconds > 0 else 0.0


class ProgressDisplay:
    """Shows one batch on a console."""

    def __init__(self, machine: LocalMachine, batch_id: str, console: Console) -> None:
        self._machine = machine
        self._services = machine.services
        self._batch_id = batch_id
        self._console = console
        self._call_pace = Pace()
        self._end_pace = Pace()
        self._line_at: datetime | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep showing, from a thread of its own, until the block ends."""
        stopping = threading.Event()
        bar = Bar(
            TextColumn("{task.fields[counts]}"),
            BarColumn(bar_width=None if self._console.width >= WIDE else 8),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[pace]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        task = bar.add_task("", total=None, counts="", pace="")
        thread = threading.Thread(target=self._keep_showing, args=(bar, task, stopping), name="progress", daemon=True)
        with bar:
            thread.start()
            try:
                yield
            finally:
                stopping.set()
                thread.join()

    def _keep_showing(self, bar: Bar, task: TaskID, stopping: threading.Event) -> None:
        while not stopping.wait(REFRESH_SECONDS):
            try:
                progress = read_progress(self._services.store, self._batch_id)
            except ProgradeError:
                continue  # the run itself meets the same trouble, and says so
            self._show(bar, task, progress)

    def _show(self, bar: Bar, task: TaskID, progress: Progress) -> None:
        now = self._services.clock.now()
        self._call_pace.add(now, self._machine.calls())
        self._end_pace.add(now, progress.ended)
        counts, pace = counts_text(progress), self._pace_text(progress)
        bar.update(task, total=progress.total, completed=progress.ended, counts=counts, pace=pace)
        if not self._console.is_terminal and (self._line_at is None or now - self._line_at >= LINE_EVERY):
            self._line_at = now
            self._console.print(f"{counts}, {pace}", soft_wrap=True)

    def _pace_text(self, progress: Progress) -> str:
        text = f"{self._call_pace.per_second:.1f} calls/s"
        now = self._services.clock.now()
        batch = progress.batch
        if batch.outage is not None:
            return f"{text}, {outage_text(batch.outage)}"
        share = batch.pace.share_at(now)
        if share < 1:
            text += f" (the source bears {share:.0%} of the limit)"
        free_at = self._machine.free_at()
        if free_at is not None and free_at - now > WAIT_WORTH_SAYING:
            return f"{text}, waiting for the source's limit until {free_at:%H:%M:%S} UTC"
        ends = self._end_pace.per_second
        if ends > 0 and progress.open:
            text += f", {timedelta(seconds=round(progress.open / ends))} to go"
        if self._console.is_terminal and self._console.width < WIDE:
            return text
        grades = " ".join(f"{name}:{count}" for name, count in progress.by_grade.items() if count)
        return f"{text}  {grades}" if grades else text


def outage_text(outage: Outage) -> str:
    """Write that the source is out."""
    came = f" ({outage.cause})" if outage.cause else ""
    return f"the source answers nobody since {outage.since:%H:%M:%S} UTC{came}, asking every half minute"


def counts_text(progress: Progress) -> str:
    """Write how many are done, failed and left; other ends only where there are any."""
    parts = [f"{progress.by_state.get('done', 0)} done", f"{progress.by_state.get('failed', 0)} failed"]
    parts += [
        f"{count} {state.replace('_', ' ')}"
        for state, count in sorted(progress.by_state.items())
        if state not in ("done", "failed")
    ]
    return ", ".join([*parts, f"{progress.open} left"])
