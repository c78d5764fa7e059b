"""Who acts on a run from outside: the one who orders it, the scheduler's tick, operators, and time itself."""

from collections.abc import Callable
from hashlib import sha256
from io import BytesIO

from prograde.domain.batch import Batch, BatchStatus
from prograde.errors import ConflictError, ProgradeError
from prograde.use_cases.dead_letters import dead_letters, discard, replay
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order, start_batch
from prograde.use_cases.steer import cancel_batch, pause_batch, resume_batch
from tests.simulation.chance import Fault
from tests.simulation.delivering import Deliverer
from tests.simulation.market import Market
from tests.simulation.world import World

SUPERVISE_SECONDS = 60.0
VERBS = {"pause": Fault.PAUSE, "cancel": Fault.CANCEL, "replay": Fault.REPLAY, "discard": Fault.DISCARD}
AGAIN_SECONDS = 20.0
RESUMES_MAX = 10
LOOK_ODDS = 0.15
"""How likely somebody looks after a batch within a minute, as long as things go wrong."""


def an_order(market: Market) -> Order:
    """Order a batch over everybody in the market."""
    content = "".join(f"{person.professional_id}\n" for person in market.people).encode()
    return Order(
        source="north",
        source_text="north: 1",
        parameters=market.parameters,
        roster=BytesIO(content),
        professionals=len(market.people),
        roster_sha256=sha256(content).hexdigest(),
        sha256=sha256(content).hexdigest(),
        idempotency_key="2026-Q4",
    )


class People:
    """Orders the batch and acts on it, at moments that the run's dice choose."""

    def __init__(self, world: World, deliverer: Deliverer, heals_at: float) -> None:
        self._world = world
        self._deliverer = deliverer
        self._replays = world.chance.dice.choice([1, 2]) if world.chance.has(Fault.REPLAY) else 0
        self._verbs = 0
        self._resumes = 0
        # What nobody lost must come to its end by redelivery alone.
        is_lossless = not any(world.chance.has(fault) for fault in (Fault.TASK_LOST, Fault.GIVEN_UP))
        self._is_supervised = not is_lossless or world.chance.dice.random() < 0.5
        if not self._is_supervised:
            world.chance.saw("run without supervise")
        self._plan_troubles(heals_at)
        self._order()
        world.scheduler.after(SUPERVISE_SECONDS, self._tick)

    def _plan_troubles(self, heals_at: float) -> None:
        chance, dice = self._world.chance, self._world.chance.dice
        verbs = {Fault.PAUSE: self._pause, Fault.CANCEL: self._cancel, Fault.DISCARD: self._discard}
        verbs |= {Fault.REPLAY: self._replay, Fault.CLOCK_JUMP: self._jump}
        for fault, verb in verbs.items():
            for _ in range(dice.choice([1, 1, 3]) if chance.has(fault) else 0):
                self._world.scheduler.after(self._some_moment(heals_at), verb)

    def _some_moment(self, heals_at: float) -> float:
        """Draw a moment, early ones more often: most of a run happens at its beginning."""
        return min(
            heals_at, self._world.chance.dice.choice([1.0, 10.0, 100.0, heals_at]) * self._world.chance.dice.random()
        )

    def _do(self, name: str, verb: Callable[[Services], object], again: Callable[[], None]) -> None:
        """Let somebody do something in some process, and again if it failed or died."""
        process = self._deliverer.process()
        is_done = False

        def work() -> None:
            nonlocal is_done
            try:
                verb(process.services)
            except ConflictError as error:
                self._world.note(f"refused: {error}")
                self._world.chance.saw(f"{name} refused")
            except ProgradeError as error:
                self._world.note(f"fails: {error}")
                return
            is_done = True
            if name in VERBS:
                self._world.chance.saw(VERBS[name])

        def ended() -> None:
            self._verbs -= 1
            if not is_done:
                self._world.scheduler.after(self._world.chance.dice.uniform(0.0, AGAIN_SECONDS), again)

        self._verbs += 1
        process.begin(name, work, ended)

    def _order(self) -> None:
        self._do("order", lambda services: start_batch(services, an_order(self._world.api.market)), self._order)

    def _tick(self) -> None:
        chance = self._world.chance
        self._world.scheduler.after(SUPERVISE_SECONDS, self._tick)
        self._look_after(self._world.auditor.batch)
        if self._is_supervised and not chance.strikes(Fault.NO_SUPERVISE):
            process = self._deliverer.process()
            process.begin("supervise", lambda: self._deliverer.supervise(process))

    def _look_after(self, batch: Batch | None) -> None:
        """Resume what is paused, and see to the dead letters of what is over."""
        chance = self._world.chance
        if batch is None or not (chance.is_healed or chance.dice.random() < LOOK_ODDS):
            return
        if batch.status is BatchStatus.PAUSED and chance.is_healed and self._resumes > RESUMES_MAX:
            # Nobody whom the source answers is left, and what looks like a mistake looks so for ever.
            self._cancel()
        elif batch.status is BatchStatus.PAUSED:
            self._resumes += chance.is_healed
            self._resume()
        elif batch.status.is_over and self._replays and chance.dice.random() < LOOK_ODDS:
            self._replays -= 1
            if chance.dice.random() < 0.5:
                self._world.api.mend()
            self._replay()

    @property
    def is_done(self) -> bool:
        """Whether nobody means to do anything more with a batch that is over."""
        has_letters = any(each.is_dead_letter for each in self._world.auditor.professionals.values())
        batch = self._world.auditor.batch
        return not self._verbs and not (self._replays and has_letters and batch is not None and not batch.is_cancelled)

    def _pause(self) -> None:
        self._steer("pause", lambda services, batch_id: pause_batch(services, batch_id, "somebody asked"), self._pause)

    def _resume(self) -> None:
        self._steer("resume", resume_batch, self._resume)

    def _cancel(self) -> None:
        self._steer("cancel", cancel_batch, self._cancel)

    def _replay(self) -> None:
        self._see_to_letters("replay", replay)

    def _discard(self) -> None:
        self._see_to_letters("discard", discard)

    def _see_to_letters(self, name: str, verb: Callable[[Services, str, list[str]], object]) -> None:
        """Replay or discard all dead letters; who has to ask again asks for the same ones."""
        ids: list[str] = []

        def see_to(services: Services, batch_id: str) -> None:
            self._deliverer.echo()
            ids[:] = ids or [letter.professional_id for letter in dead_letters(services.store, batch_id)]
            verb(services, batch_id, ids)

        def again() -> None:
            self._steer(name, see_to, again)

        again()

    def _steer(self, name: str, verb: Callable[[Services, str], object], again: Callable[[], None]) -> None:
        """Do something with the batch, as soon as there is one."""
        batch = self._world.auditor.batch
        if batch is None:
            self._world.scheduler.after(1.0, again)
            return
        batch_id = batch.batch_id
        self._do(name, lambda services: verb(services, batch_id), again)

    def _jump(self) -> None:
        dice = self._world.chance.dice
        self._world.jump_by(dice.choice([-1, 1]) * dice.choice([2.0, 60.0, 3600.0]) * dice.random())
        self._deliverer.replan()
