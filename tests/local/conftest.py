"""A queue on a clock that runs, and may be set."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.effects import PageTask
from tests.contracts.specimens import PAGE_TASK
from tests.local.shifted_clock import ShiftedClock


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def queue(tmp_path: Path, clock: ShiftedClock) -> Iterator[SqliteTaskQueue]:
    with closing(SqliteTaskQueue(tmp_path / "queue", clock)) as queue:
        yield queue


@pytest.fixture
def pages(clock: ShiftedClock) -> list[PageTask]:
    return [replace(PAGE_TASK, step=step, due_at=clock.now()) for step in range(20)]
