"""
The progress of a batch on the terminal: a bar that moves, or a line now and then where there is no terminal.

Whatever makes it stand still is said in a line of its own.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from prograde.bootstrap.local_machine import LocalMachine
from prograde.domain.batch import BatchStatus
from prograde.entrypoints.standing import counts_text, limit_text, outage_text, status_text, waiting_text
from prograde.errors import ProgradeError
from prograde.use_cases.read_batch import Progress, read_progress

REFRESH_SECONDS = 0.5
LINE_EVERY = timedelta(seconds=10)
PACE_OVER = timedelta(seconds=30)
"""The pace, and so the remaining time, is that of the last half minute."""
WIDE = 100
"""Columns from which there is room for the grades so far."""
WAIT_WORTH_SAYING = timedelta(seconds=10)
AHEAD = timedelta(days=1)
"""Further than any page's time lies ahead."""


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
    def per_second(self) -> float | None:
        """The growth a second, told from the second sample on: what came before the first may be a burst."""
        (began, first), (now, last) = self._samples[0], self._samples[-1]
        seconds = (now - began).total_seconds()
        return (last - first) / seconds if seconds > 0 else None


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
        self._line = ""
        self._is_waiting = False

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
        counts, notice = counts_text(progress), self._notice(progress, now)
        pace = self._pace_text(progress, now, is_moving=not notice)
        bar.update(task, total=progress.total, completed=progress.ended, counts=counts, pace=pace)
        line = notice if self._console.is_terminal else ", ".join(filter(None, (counts, pace, notice)))
        begins_to_wait = bool(notice) and not self._is_waiting
        self._is_waiting = bool(notice)
        is_time = self._line_at is None or now - self._line_at >= LINE_EVERY
        if line and line != self._line and (is_time or begins_to_wait):
            self._line_at, self._line = now, line
            bar.console.print(line, soft_wrap=True, markup=False)

    def _pace_text(self, progress: Progress, now: datetime, *, is_moving: bool) -> str:
        calls, ends = self._call_pace.per_second, self._end_pace.per_second
        share = progress.batch.pace.share_at(now)
        bears = f" (the source bears {share:.0%} of the limit)" if share < 1 else ""
        told = [] if calls is None else [f"{calls:.1f} calls/s{bears}"]
        is_narrow = self._console.is_terminal and self._console.width < WIDE
        if is_moving and ends and progress.open:
            roughly = "roughly " if progress.is_rough else ""
            told.append(f"{roughly}{timedelta(seconds=round(progress.open / ends))} to go")
        elif is_moving and progress.open and not is_narrow:
            told.append(f"time to go told after {'more' if progress.ended else 'the first'} professionals are done")
        text = ", ".join(told)
        if not is_moving or is_narrow:
            return text
        grades = " ".join(f"{name}:{count}" for name, count in progress.by_grade.items() if count)
        return f"{text}  {grades}" if grades else text

    def _notice(self, progress: Progress, now: datetime) -> str:
        """Say what would look like a standstill; "" while nothing does."""
        batch = progress.batch
        if batch.status is not BatchStatus.RUNNING:
            return status_text(batch, is_being_worked=True)
        if batch.outage is not None:
            return outage_text(batch.outage)
        return self._waiting_text(now)

    def _waiting_text(self, now: datetime) -> str:
        """Say until when nothing happens, and why; "" while something does."""
        wait = self._machine.wait()
        if wait is not None and wait.until - now > WAIT_WORTH_SAYING:
            what = "the source's limit" if wait.limit is None else f"the limit of {limit_text(wait.limit)}"
            return waiting_text(wait.until, now, f"{what} is used up")
        # Whoever is due first waits for nobody else: if that is later, nothing happens until then.
        for first in self._services.store.due_before(self._batch_id, now + AHEAD, 1):
            if first.due_at - now > WAIT_WORTH_SAYING:
                why = "the source asked for it" if first.is_throttled else "then what failed is asked for again"
                return waiting_text(first.due_at, now, why)
        return ""
