"""
Holds every commit to the invariants of the architecture, by its own mirror of what is stored.

It shares no decision with the code under test: it compares what was stored before and after with the raw rows and
the deliveries that there were.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prograde.domain import batch as batches
from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.effects import PageTask, Task
from prograde.domain.professional import CountedPage, Professional, State, StopReason
from prograde.domain.raw_page import RawPage
from prograde.ports import PageRequest
from tests.simulation.memory_batch_store import Written
from tests.simulation.memory_warehouse import differences_of
from tests.simulation.scheduler import Coroutine, Scheduler

DEATHS_MAX = 3
_S = BatchStatus
_OVER = {_S.COMPLETE, _S.INCOMPLETE, _S.CANCELLED}
_MOVES = {
    _S.RUNNING: {_S.PAUSED, _S.CANCELLING, _S.FINALIZING},
    _S.PAUSED: {_S.RUNNING, _S.CANCELLING, _S.FINALIZING},
    _S.CANCELLING: {_S.FINALIZING},
    _S.FINALIZING: _OVER,
}


@dataclass(slots=True)
class Delivery:
    """A page task that is being worked, and what was stored when it began."""

    task: Task
    batch: Batch | None
    professional: Professional | None
    calls: int = 0


class Auditor:
    """Mirrors the store and the raw rows of one run; says through `violated` what does not hold."""

    def __init__(self, scheduler: Scheduler, violated: Callable[[str], None], saw: Callable[[str], None]) -> None:
        self._scheduler = scheduler
        self._violated = violated
        self._saw = saw
        self._deliveries: dict[Coroutine, Delivery] = {}
        self._raw_pages: dict[str, RawPage] = {}
        self._rows_of: dict[tuple[str, int], list[RawPage]] = defaultdict(list)
        self._died: set[tuple[str, int]] = set()
        self.batch: Batch | None = None
        self.counters: dict[int, batches.Counter] = {}
        self.professionals: dict[str, Professional] = {}
        self.calls: Counter[tuple[str, int]] = Counter()
        self.given_up: set[str] = set()

    # --- what the world tells

    def kept(self, page: RawPage) -> None:
        """Take note of a raw row."""
        self._raw_pages[page.raw_id] = page
        self._rows_of[page.professional_id, page.step].append(page)

    def delivered(self, task: Task, deaths: int) -> None:
        """Take note of a delivery that begins."""
        coroutine = self._scheduler.running
        professional = self.professionals.get(task.professional_id) if isinstance(task, PageTask) else None
        if coroutine is not None:
            self._deliveries[coroutine] = Delivery(task, self.batch, professional)
        if isinstance(task, PageTask) and deaths >= DEATHS_MAX:
            self._died.add((task.professional_id, task.step))
        if self.batch is not None and self.batch.status in _OVER:
            self._saw(f"{type(task).__name__} delivered after the batch was over")

    def called(self, request: PageRequest) -> None:
        """Hold a call to the source to the delivery that makes it."""
        coroutine = self._scheduler.running
        delivery = self._deliveries.get(coroutine) if coroutine is not None else None
        if delivery is None or not isinstance(delivery.task, PageTask):
            self._violated(f"a call for {request.professional_id} without the delivery of a page task")
            return
        task, stored, batch = delivery.task, delivery.professional, delivery.batch
        who = f"{task.professional_id}/{task.step}.{task.wake}"
        delivery.calls += 1
        self.calls[task.professional_id, task.step] += 1
        if self.calls[task.professional_id, task.step] > 1:
            self._saw("step called more than once")
        if delivery.calls > 1:
            self._violated(f"{who}: more than one call in one delivery")
        if stored is not None and (task.step, task.wake) < (stored.step, stored.wake):
            self._violated(f"{who}: called, though {stored.step}.{stored.wake} was stored before its delivery")
        if batch is not None and batch.status is not _S.RUNNING and batch is self.batch:
            self._violated(f"{who}: called, though the batch was {batch.status} before its delivery")

    def has_died(self, professional_id: str) -> bool:
        """Whether a page of a professional was given up because its handlers died."""
        return any(who == professional_id for who, _ in self._died)

    def committed(self, before: Written, after: Written) -> None:
        """Hold a commit to the invariants."""
        for key, value in after.items():
            old = before.get(key)
            if isinstance(value, Batch):
                self._batch(old if isinstance(old, Batch) else None, value)
                self.batch = value
            elif isinstance(value, Professional):
                self._professional(old if isinstance(old, Professional) else None, value)
                self.professionals[value.professional_id] = value
            elif isinstance(value, batches.Counter):
                self.counters[value.index] = value
        self._sums()

    # --- the whole

    def _sums(self) -> None:
        """The counters equal the professionals, and the batch equals the counters."""
        batch = self.batch
        assert batch is not None
        people = batch.roster.professionals
        pending = Counter(sequence % batch.counters for sequence in range(people))
        states: Counter[str] = Counter()
        for professional in self.professionals.values():
            if professional.state is not State.OPEN:
                pending[professional.sequence % batch.counters] -= 1
                states[professional.state] += 1
        stored = Counter({index: counter.pending for index, counter in self.counters.items()})
        if any(pending[index] != stored[index] for index in range(batch.counters)):
            self._violated(f"counters {dict(stored)} are not the professionals {dict(pending)}")
        by_state: Counter[str] = Counter()
        for counter in self.counters.values():
            by_state.update(counter.by_state)
        if +by_state != +states:
            self._violated(f"counters say {dict(by_state)}, professionals {dict(states)}")
        drained = sum(counter.pending == 0 for counter in self.counters.values())
        if batch.drained != drained:
            self._violated(f"{drained} counters are drained, the batch says {batch.drained}")
        is_settled = batch.status in _OVER or batch.status is _S.FINALIZING
        if is_settled and (batch.op is not None or sum(states.values()) < people):
            self._violated(f"{batch.status} with {sum(states.values())} of {people} final, op {batch.op}")

    # --- the batch

    def _batch(self, old: Batch | None, new: Batch) -> None:
        if old is None:
            if self.batch is not None:
                self._violated("a second batch for one idempotency key")
            return
        for name in ("wake", "epoch", "grading_run"):
            if getattr(new, name) < getattr(old, name):
                self._violated(f"the batch's {name} went back from {getattr(old, name)} to {getattr(new, name)}")
        if new.status is not old.status:
            self._moved(old, new)
        if old.op is None and new.op is not None:
            self._violated("seeding began again")
        seeded = new.roster.professionals if new.op is None else new.op.seeded
        if seeded > len(self.professionals):
            self._violated(f"the cursor says {seeded} seeded, there are {len(self.professionals)}")
        if new.wake > old.wake and new.status is old.status and self._by("supervise"):
            self._saw(f"batch woken by supervise while {'seeding' if new.op else new.status}")

    def _moved(self, old: Batch, new: Batch) -> None:
        if new.status not in _MOVES.get(old.status, ()):
            self._violated(f"the batch went from {old.status} to {new.status}")
        is_to_finalize = new.status is _S.FINALIZING
        if new.grading_run != old.grading_run + is_to_finalize:
            self._violated(f"grading run {old.grading_run} became {new.grading_run} on the way to {new.status}")
        self._saw(f"batch {new.status}{' while seeding' if old.op else ''}")

    # --- a professional

    def _professional(self, old: Professional | None, new: Professional) -> None:
        who = f"{new.professional_id}/{new.step}.{new.wake}"
        if old is None:
            if (new.step, new.wake, new.state) != (0, 0, State.OPEN):
                self._violated(f"{who}: created as {new.state}")
            return
        for problem in self._problems(old, new):
            self._violated(f"{who}: {problem}")
        if new.wake > old.wake and self._by("supervise"):
            self._saw("professional woken by supervise")

    def _problems(self, old: Professional, new: Professional) -> Iterator[str]:
        if (new.step, new.wake) < (old.step, old.wake) or new.wake < old.wake or new.epoch < old.epoch:
            yield f"went back from {old.step}.{old.wake} of epoch {old.epoch}"
        if old.state is not State.OPEN and (new.state, new.step, new.ledger) != (old.state, old.step, old.ledger):
            yield f"left the final state {old.state}"
        if new.step > old.step + 1:
            yield f"{new.step - old.step} steps at once"
        added = new.ledger[len(old.ledger) :]
        if new.ledger[: len(old.ledger)] != old.ledger or len(added) > (new.step > old.step):
            yield "the ledger was rewritten"
        if len({(line.stage, line.page) for line in new.ledger}) < len(new.ledger):
            yield "a page was counted twice"
        for line in added:
            yield from self._line_problems(old, line)
        if new.step > old.step and not added:
            yield from self._trouble_problems(old, new)
        if new.state is State.DONE is not old.state:
            yield from self._figure_problems(new)

    def _line_problems(self, old: Professional, line: CountedPage) -> Iterator[str]:
        """A counted page has its raw row, kept before, of this step, stage and page, and a page it was."""
        row = self._raw_pages.get(line.raw_id)
        if row is None:
            yield f"counted {line.stage} {line.page}, which has no raw row"
        elif (row.step, row.stage, row.page) != (old.step, old.stage, old.page):
            yield f"counted the raw row of {row.step} {row.stage} {row.page} at {old.step} {old.stage} {old.page}"
        elif row.outcome not in ("ProfilePage", "ListingPage"):
            yield f"counted a {row.outcome}"

    def _trouble_problems(self, old: Professional, new: Professional) -> Iterator[str]:
        """A step without a page has its reason: a raw row that says so, a dead handler, a cancelled batch."""
        rows = {row.outcome for row in self._rows_of[old.professional_id, old.step]}
        has_died = (old.professional_id, old.step) in self._died
        is_cancelled = self.batch is not None and self.batch.is_cancelled
        if new.state is State.CANCELLED:
            if not is_cancelled:
                yield "cancelled, though the batch is not"
        elif not rows & {"Throttled", "Failure", "NotFound"} and not has_died:
            yield f"a step without a page, a failure or a death: {sorted(rows)}"
        failures = self._failures(old)
        if new.failures_in_a_row > failures:
            yield f"{new.failures_in_a_row} failures in a row, the raw rows know {failures}"
        if new.stop_reason is StopReason.FAILURE_LIMIT and self.batch is not None:
            self._saw("professional failed at the failure limit")
            if failures < self.batch.parameters.failure_limit:
                yield f"failed after {failures} failures"

    def _failures(self, professional: Professional) -> int:
        """Count the steps since the last counted page that failed."""
        first = professional.ledger[-1].step + 1 if professional.ledger else 0
        who = professional.professional_id
        return sum(
            (who, step) in self._died or any(row.outcome in ("Failure", "NotFound") for row in self._rows_of[who, step])
            for step in range(first, professional.step + 1)
        )

    def _figure_problems(self, new: Professional) -> Iterator[str]:
        assert self.batch is not None
        pages: Mapping[str, RawPage] = self._raw_pages
        for difference in differences_of(new, pages, self.batch):
            yield f"{difference.field} is {difference.stored}, the raw rows say {difference.recomputed}"

    def _by(self, verb: str) -> bool:
        running = self._scheduler.running
        return running is not None and running.name.endswith(verb)
