"""
Holds every commit and every call to the invariants of the architecture, by its own mirror of what is stored.

It shares no decision with the code under test: it compares what was stored before and after with the raw rows, the
deliveries and the verbs that there were.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.counter import Counter as BatchCounter
from prograde.domain.effects import PageTask, Task
from prograde.domain.professional import Professional, State
from prograde.domain.raw_page import RawPage
from prograde.ports import PageRequest
from tests.simulation.evidence import WELL, Evidence
from tests.simulation.memory_batch_store import Written
from tests.simulation.scheduler import Coroutine, Scheduler

_S = BatchStatus
IN_VAIN_MAX = 6
"""Steps without an answer after which a professional is sure to have opened an outage."""
OVER = {_S.COMPLETE, _S.INCOMPLETE, _S.CANCELLED}
_MOVES = {
    _S.RUNNING: {_S.PAUSED, _S.DRAINING, _S.FINALIZING},
    _S.PAUSED: {_S.RUNNING, _S.DRAINING, _S.FINALIZING},
    _S.DRAINING: {_S.FINALIZING},
    _S.FINALIZING: OVER,
}
_MOVES_OF_REPLAY = {_S.COMPLETE: {_S.RUNNING}, _S.INCOMPLETE: {_S.RUNNING}}


@dataclass(slots=True)
class Delivery:
    """A task that is being worked, and what was stored when it began."""

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
        self.evidence = Evidence(lambda: scheduler.now, saw)
        self.batch: Batch | None = None
        self.counters: dict[int, BatchCounter] = {}
        self.professionals: dict[str, Professional] = {}
        self.calls: Counter[tuple[str, int]] = Counter()
        self.seeded_when_given_up: list[set[str]] = []
        self._in_vain: set[tuple[str, int]] = set()
        self._in_vain_epoch = 0

    # --- what the world tells

    def kept(self, page: RawPage) -> None:
        """Take note of a raw row."""
        self.evidence.keep(page)
        self._count_in_vain(page)

    def _count_in_vain(self, page: RawPage) -> None:
        """A source that answers nobody is taken to be out before everybody has asked again and again."""
        batch = self.batch
        is_open = batch is None or batch.outage is not None or batch.status is not _S.RUNNING
        if batch is None or is_open or page.outcome in WELL or batch.epoch != self._in_vain_epoch:
            self._in_vain.clear()
            self._in_vain_epoch = 0 if batch is None else batch.epoch
            return
        self._in_vain.add((page.professional_id, page.step))
        steps = len(self._in_vain)
        if self.evidence.are_clocks_right and steps > IN_VAIN_MAX * (len(self.professionals) + IN_VAIN_MAX):
            self._violated(f"{steps} steps in vain, and no outage")

    def delivered(self, task: Task, deaths: int) -> None:
        """Take note of a delivery that begins."""
        professional = self.professionals.get(task.professional_id) if isinstance(task, PageTask) else None
        if self._scheduler.running is not None:
            self._deliveries[self._scheduler.running] = Delivery(task, self.batch, professional)
        if isinstance(task, PageTask):
            self.evidence.see_deaths(task.professional_id, task.step, deaths)
        if self.batch is not None and self.batch.status in OVER:
            self._saw(f"{type(task).__name__} delivered after the batch was over")

    def called(self, request: PageRequest) -> None:
        """Hold a call to the source to the delivery that makes it."""
        running = self._scheduler.running
        delivery = self._deliveries.get(running) if running is not None else None
        if delivery is None or not isinstance(delivery.task, PageTask):
            self._violated(f"a call for {request.professional_id} without the delivery of a page task")
            return
        delivery.calls += 1
        task = delivery.task
        self.calls[task.professional_id, task.step] += 1
        if self.calls[task.professional_id, task.step] > 1:
            self._saw("step called more than once")
        for problem in self._call_problems(delivery, task):
            self._violated(f"{task.professional_id}/{task.step}.{task.wake}: called, though {problem}")

    def _call_problems(self, delivery: Delivery, task: PageTask) -> list[str]:
        """Say why this call should not have been made, by what was stored when its delivery began and still is."""
        stored, batch = delivery.professional, delivery.batch
        problems = []
        if delivery.calls > 1:
            problems.append("its delivery had made a call already")
        early = self.evidence.seconds_early(task.professional_id, task.step)
        if early > 0:
            problems.append(f"the source had asked to wait {early:.0f} s more")
        if stored is not None and (task.step, task.wake) < (stored.step, stored.wake):
            problems.append(f"{stored.step}.{stored.wake} was stored")
        if batch is not None and self.batch is not None and self.batch.epoch == batch.epoch:
            if batch.status is not _S.RUNNING and batch.status is self.batch.status:
                problems.append(f"the batch was {batch.status}")
            outage = batch.outage
            if outage is not None and outage == self.batch.outage and outage.probe_id != task.professional_id:
                problems.append(f"the source was away, and {outage.probe_id} the probe")
        return problems

    def committed(self, before: Written, after: Written) -> None:
        """Hold a commit to the invariants."""
        was = self.batch
        for key, value in after.items():
            old = before.get(key)
            if isinstance(value, Batch):
                self._batch(old if isinstance(old, Batch) else None, value)
                self.batch = value
            elif isinstance(value, BatchCounter):
                self.counters[value.index] = value
        for key, value in after.items():
            if isinstance(value, Professional):
                old = before.get(key)
                self._professional(old if isinstance(old, Professional) else None, value, was)
                self.professionals[value.professional_id] = value
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
        calls = sum(each.calls for each in self.professionals.values() if each.state is not State.OPEN)
        if calls != sum(counter.calls for counter in self.counters.values()):
            self._violated(f"counters do not count the {calls} calls for those who ended")
        drained = sum(counter.pending == 0 for counter in self.counters.values())
        if batch.drained != drained:
            self._violated(f"{drained} counters are drained, the batch says {batch.drained}")
        is_settled = batch.status in OVER or batch.status is _S.FINALIZING
        if is_settled and (batch.op is not None or states.total() < people):
            self._violated(f"{batch.status} with {states.total()} of {people} final, op {batch.op}")

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
        if old.op is not None and seeded < old.op.seeded:
            self._violated(f"the cursor went back from {old.op.seeded} to {seeded}")
        if new.status is _S.DRAINING and new.op is None and new.waking is None:
            self._violated("draining, and nobody comes to end those who are left")
        if seeded > len(self.professionals):
            self._violated(f"the cursor says {seeded} seeded, there are {len(self.professionals)}")
        self._see(old, new)

    def _moved(self, old: Batch, new: Batch) -> None:
        moves = _MOVES_OF_REPLAY if self._is_by("replay") else _MOVES
        if new.status not in moves.get(old.status, ()):
            self._violated(f"the batch went from {old.status} to {new.status}")
        is_to_finalize = new.status is _S.FINALIZING
        if new.grading_run != old.grading_run + is_to_finalize:
            self._violated(f"grading run {old.grading_run} became {new.grading_run} on the way to {new.status}")
        self._saw(f"batch {new.status}{' while seeding' if old.op else ''}")
        if new.status is _S.DRAINING and not new.is_cancelled:
            self.seeded_when_given_up.append(set(self.professionals))
        delivery = self._deliveries.get(self._scheduler.running) if self._scheduler.running is not None else None
        if new.status is _S.PAUSED and "never answered it" in new.reason:
            self._saw("batch paused for what looks like a mistake")
        if new.status is _S.PAUSED and "credentials" in new.reason:
            assert delivery is not None
            assert isinstance(delivery.task, PageTask)
            self._saw("batch paused for its credentials")
            if not self.evidence.are_credentials_refused(delivery.task.professional_id, delivery.task.step):
                self._violated(f"paused for one who is forbidden: {delivery.task.professional_id}")

    def _see(self, old: Batch, new: Batch) -> None:
        """Count what a batch met, for the list of what must happen sometimes."""
        if self._is_by("supervise"):
            if new.wake > old.wake:
                self._saw(f"batch woken by supervise while {'seeding' if new.op else new.status}")
            if new.waking != old.waking:
                self._saw("waking renewed by supervise")
        if old.outage is None and new.outage is not None:
            self._saw(f"outage opened by {new.outage.cause.partition(':')[0]}")
        elif old.outage is not None and new.outage is None:
            ways = {
                _S.RUNNING: "ended",
                _S.DRAINING: "given up",
                _S.FINALIZING: "given up",
                _S.PAUSED: "ended by a pause",
            }
            self._saw(f"outage {'ended by a cancel' if new.is_cancelled else ways[new.status]}")
            others = {stage: answer for stage, answer in new.answers.items() if answer != old.answers.get(stage)}
            for stage, answer in others.items():
                known = old.answers.get(stage)
                if known is not None and answer.professional_id not in (known.professional_id, old.outage.probe_id):
                    self._saw("outage ended by one whose turn it was")

    # --- a professional

    def _professional(self, old: Professional | None, new: Professional, was: Batch | None) -> None:
        who = f"{new.professional_id}/{new.step}.{new.wake}"
        batch = self.batch
        assert batch is not None
        if old is None:
            if (new.step, new.wake, new.state) != (0, 0, State.OPEN):
                self._violated(f"{who}: created as {new.state}")
            return
        is_replay = self._is_by("replay")
        if is_replay and old.state in (State.FAILED, State.NOT_FOUND):
            self._saw(f"replayed while {was and was.status}")
            self._saw(f"replayed who was {old.state}")
            self.evidence.reopen(new.professional_id)
            if (new.step, new.ledger, new.aggregate) != (old.step + 1, old.ledger, old.aggregate):
                self._violated(f"{who}: replayed with other figures or more than one step")
            return
        problems = self.evidence.problems(old, new, batch)
        if self._is_by_kind("wake") and not new.is_final and new.epoch <= old.epoch:
            problems = [*problems, "woken again for the same epoch"]
        for problem in problems:
            self._violated(f"{who}: {problem}")
        if new.wake > old.wake and self._is_by("supervise"):
            self._saw("professional woken by supervise")

    def _is_by(self, verb: str) -> bool:
        running = self._scheduler.running
        return running is not None and running.name.endswith(verb)

    def _is_by_kind(self, kind: str) -> bool:
        running = self._scheduler.running
        return running is not None and running.name.split(" ")[1] == kind
