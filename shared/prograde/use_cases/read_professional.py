"""Read how a professional's grade came about: what is stored, and every call with what it brought."""

from dataclasses import dataclass
from itertools import takewhile

from prograde.domain.batch import Batch
from prograde.domain.grading import Grade
from prograde.domain.professional import Professional, State
from prograde.errors import NotFoundError
from prograde.ports import Attempt, BatchStore
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services


@dataclass(frozen=True, slots=True)
class Story:
    """A professional of a batch; `grade` is None unless it is done, and may change only with its parameters."""

    batch: Batch
    professional: Professional
    grade: Grade | None
    attempts: tuple[Attempt, ...]

    def is_counted(self, attempt: Attempt) -> bool:
        """Tell whether an attempt's page was counted."""
        return any(line.raw_id == attempt.raw_id for line in self.professional.ledger)


def read_professional(store: BatchStore, batch_id: str, professional_id: str) -> Professional:
    """Read a professional as stored; raises NotFoundError."""
    professional = store.professional(batch_id, professional_id)
    if professional is None:
        raise NotFoundError(f"batch {batch_id} has no professional {professional_id}")
    return professional


def read_story(services: Services, batch_id: str, professional_id: str) -> Story:
    """Read a professional with its attempts, for which the batch's raw rows are looked through."""
    batch = read_batch(services.store, batch_id)
    professional = read_professional(services.store, batch_id, professional_id)
    grade = None
    if professional.state is State.DONE:
        grade = batch.parameters.rubric.grade(professional.aggregate, batch.parameters.as_of)
    return Story(batch, professional, grade, services.warehouse.attempts(batch_id, professional_id))


def find_professionals(store: BatchStore, batch_id: str, prefix: str, limit: int) -> tuple[Professional, ...]:
    """Find at most `limit` professionals whose id begins so, in order of their id; raises NotFoundError."""
    read_batch(store, batch_id)
    found = store.from_id(batch_id, prefix, limit)
    return tuple(takewhile(lambda professional: professional.professional_id.startswith(prefix), found))
