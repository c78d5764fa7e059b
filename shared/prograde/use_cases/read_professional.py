"""Read how a professional's grade came about: what is stored, and every call with what it brought."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from prograde.domain.aggregation import Aggregate, add_active, add_sold
from prograde.domain.batch import Batch
from prograde.domain.grading import Grade
from prograde.domain.listing import Listing, Rejection
from prograde.domain.professional import Professional, Stage, State
from prograde.errors import NotFoundError
from prograde.ports import Attempt, BatchStore
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services


@dataclass(frozen=True, slots=True)
class Addition:
    """What a counted page of listings added: of its records, those that counted, and what they brought."""

    records: int
    counted: int
    rejected: int
    half_sides: int
    half_cents: int


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

    def additions(self) -> Mapping[str, Addition]:
        """Count the pages of the ledger again, and tell by its raw_id what each added."""
        by_raw_id = {attempt.raw_id: attempt for attempt in self.attempts}
        added: dict[str, Addition] = {}
        so_far = Aggregate()
        for line in self.professional.ledger:
            attempt = by_raw_id.get(line.raw_id)
            if attempt is None or line.stage is Stage.PROFILE:
                continue
            after = self._with_page(so_far, line.stage, attempt)
            added[line.raw_id] = Addition(
                records=len(attempt.records),
                counted=after.sold_count + after.active_count - so_far.sold_count - so_far.active_count,
                rejected=sum(isinstance(record, Rejection) for record in attempt.records),
                half_sides=after.half_sides - so_far.half_sides,
                half_cents=after.half_cents - so_far.half_cents,
            )
            so_far = after
        return added

    def _with_page(self, so_far: Aggregate, stage: Stage, attempt: Attempt) -> Aggregate:
        agent, parameters = self.professional.agent_key, self.batch.parameters
        listings = [record for record in attempt.records if isinstance(record, Listing)]
        if stage is Stage.ACTIVE:
            return add_active(so_far, listings, agent)
        return add_sold(so_far, listings, agent, parameters.attribution, parameters.window)


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


def find_professionals(
    store: BatchStore, batch_id: str, prefix: str, limit: int, from_id: str = ""
) -> tuple[Professional, ...]:
    """
    Find at most `limit` professionals whose id begins so, in order of their id, from one that does on.

    Raises NotFoundError.
    """
    read_batch(store, batch_id)
    found = store.from_id(batch_id, from_id or prefix, limit)
    return tuple(takewhile(lambda professional: professional.professional_id.startswith(prefix), found))
