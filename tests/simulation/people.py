"""Who acts on a run from outside: the one who orders it, the scheduler's tick, operators, and time itself."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

from prograde.domain.batch import BatchStatus, paused
from prograde.errors import ConflictError, ProgradeError
from prograde.ports import Transaction
from prograde.use_cases.resume_batch import resume_batch
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order, start_batch
from tests.simulation.chance import Fault
from tests.simulation.delivering import Deliverer
from tests.simulation.market import Market
from tests.simulation.world import World

SUPERVISE_SECONDS = 60.0
AGAIN_SECONDS = 20.0
RESUME_ODDS = 0.15
"""How likely somebody looks at a paused batch within a minute, as long as things go wrong."""


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
        self._plan_troubles(heals_at)
        self._order()
        world.scheduler.after(SUPERVISE_SECONDS, self._tick)

    def _plan_troubles(self, heals_at: float) -> None:
        chance, dice = self._world.chance, self._world.chance.dice
        if chance.has(Fault.PAUSE):
            for _ in range(dice.choice([1, 1, 3])):
                self._world.scheduler.after(self._some_moment(heals_at), self._pause)
        if chance.has(Fault.CANCEL):
            self._world.scheduler.after(self._some_moment(heals_at), self._cancel)
        if chance.has(Fault.CLOCK_JUMP):
            for _ in range(dice.choice([1, 1, 2])):
                self._world.scheduler.after(self._some_moment(heals_at), self._jump)

    def _some_moment(self, heals_at: float) -> float:
        """Draw a moment, early ones more often: most of a run happens at its beginning."""
        return min(heals_at, self._world.chance.dice.choice([1.0, 10.0, 100.0, heals_at]) * self._world.chance.dice.random())

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
            except ProgradeError as error:
                self._world.note(f"fails: {error}")
                return
            is_done = True

        def ended() -> None:
            if not is_done:
                self._world.scheduler.after(self._world.chance.dice.uniform(0.0, AGAIN_SECONDS), again)

        process.begin(name, work, ended)

    def _order(self) -> None:
        self._do("order", lambda services: start_batch(services, an_order(self._world.api.market)), self._order)

    def _tick(self) -> None:
        chance = self._world.chance
        self._world.scheduler.after(SUPERVISE_SECONDS, self._tick)
        batch = self._world.auditor.batch
        if batch is not None and batch.status is BatchStatus.PAUSED:
            if chance.is_healed or chance.dice.random() < RESUME_ODDS:
                self._resume()
        if not chance.strikes(Fault.NO_SUPERVISE):
            process = self._deliverer.process()
            process.begin("supervise", lambda: self._deliverer.supervise(process))

    def _pause(self) -> None:
        def pause(services: Services) -> None:
            self._change_batch(services, "pause")

        if self._world.auditor.batch is not None:
            self._do("pause", pause, self._pause)

    def _resume(self) -> None:
        batch = self._world.auditor.batch
        if batch is not None:
            self._do("resume", lambda services: resume_batch(services, batch.batch_id), self._resume)

    def _cancel(self) -> None:
        if self._world.auditor.batch is None:
            self._world.scheduler.after(1.0, self._cancel)
            return
        self._do("cancel", lambda services: self._change_batch(services, "cancel"), self._cancel)

    def _change_batch(self, services: Services, verb: str) -> None:
        """Pause or cancel as the command line does."""
        batch = self._world.auditor.batch
        assert batch is not None
        batch_id = batch.batch_id

        def change(transaction: Transaction) -> None:
            stored = transaction.batch(batch_id)
            assert stored is not None
            if verb == "pause":
                transaction.put_batch(paused(stored, "somebody asked for it"))
            elif stored.status in (BatchStatus.RUNNING, BatchStatus.PAUSED):
                cancelled = replace(
                    stored, status=BatchStatus.CANCELLING, reason="", is_cancelled=True, epoch=stored.epoch + 1
                )
                transaction.put_batch(cancelled)
            else:
                raise ConflictError(f"the batch is {stored.status}")

        services.store.transact(change)
        self._world.chance.saw(Fault.PAUSE if verb == "pause" else Fault.CANCEL)

    def _jump(self) -> None:
        dice = self._world.chance.dice
        self._world.jump += dice.choice([-1, 1]) * dice.choice([2.0, 60.0, 3600.0]) * dice.random()
        self._world.chance.saw(Fault.CLOCK_JUMP)
        self._world.note(f"the clocks stand at {self._world.jump:+.1f} s")
        self._deliverer.replan()
