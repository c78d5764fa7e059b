"""
What must happen next, computed from stored state by every delivery: winner, loser or behind.

Each task's name is a hash of stored values, so that deriving an effect twice enqueues it once (a hash, because
Cloud Tasks slows down on sequential names).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.professional import Professional
from prograde.replacing import replace


class Queue(StrEnum):
    """Pages are paced by the source's limits; control tasks never call the source."""

    PAGES = "pages"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page of one professional."""

    batch_id: str
    professional_id: str
    step: int
    wake: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SeedTask:
    """One chunk of the roster."""

    batch_id: str
    wake: int
    offset: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class WakeTask:
    """One chunk of an epoch's waking, or of a batch's draining."""

    batch_id: str
    epoch: int
    turn: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class FinalizeTask:
    """The grading run of a batch whose professionals are all final."""

    batch_id: str
    grading_run: int
    wake: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SoundingTask:
    """
    A task that makes no call: its delivery shows how far the page queue of a source has come.

    `is_back` when it comes for the second time, so much later that what it met on its way is over.
    """

    source: str
    sent_at: datetime
    due_at: datetime
    is_back: bool = False


Task = PageTask | SeedTask | WakeTask | FinalizeTask | SoundingTask


def task_name(task: Task) -> str:
    """Name a task by what it is to do, for the queue to de-duplicate."""
    match task:
        case PageTask():
            return digest("page", task.batch_id, task.professional_id, task.step, task.wake)
        case SeedTask():
            return digest("seed", task.batch_id, task.wake, task.offset)
        case WakeTask():
            return digest("wake", task.batch_id, task.epoch, task.turn)
        case FinalizeTask():
            return digest("finalize", task.batch_id, task.grading_run, task.wake)
        case SoundingTask():
            return digest("sounding", task.source, task.sent_at.isoformat(), task.is_back)


def digest(*parts: object) -> str:
    """Hash values unambiguously: 128 bits as hex."""
    texts = [str(part) for part in parts]
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def effects(batch: Batch, professional: Professional | None = None) -> Iterator[Task]:
    """Derive what must be enqueued, given a batch and, where a professional was delivered, that professional."""
    if batch.status is BatchStatus.FINALIZING:
        yield FinalizeTask(batch.batch_id, batch.grading_run, batch.wake, batch.due_at)
        return
    if batch.waking is not None:
        yield WakeTask(batch.batch_id, batch.epoch, batch.waking.turn, batch.waking.due_at)
    if professional is None and batch.op is not None and not batch.status.is_over:
        yield SeedTask(batch.batch_id, batch.wake, batch.op.offset, batch.due_at)
    if professional is not None and not professional.is_final and batch.lets_work(professional.professional_id):
        yield page_task(professional)


def effects_of_many(batch: Batch, professionals: Iterable[Professional]) -> list[Task]:
    """Derive what must be enqueued for several professionals, each task once."""
    return list(dict.fromkeys(task for professional in professionals for task in effects(batch, professional)))


def page_task(professional: Professional) -> PageTask:
    """Derive the task of the professional's current step."""
    return PageTask(
        professional.batch_id,
        professional.professional_id,
        professional.step,
        professional.wake,
        professional.due_at,
    )


def woken(professional: Professional, due_at: datetime, epoch: int) -> Professional:
    """Give the current step a new task name, which also retires every older delivery."""
    return replace(professional, wake=professional.wake + 1, due_at=due_at, epoch=epoch)
