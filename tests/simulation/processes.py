"""The processes that deliveries run in: each with its own clock and its own sight of the ports, and an end."""

from datetime import datetime, timedelta

from typing_extensions import override

from prograde.domain.batch import Batch
from prograde.errors import NotFoundError
from prograde.ports import Clock, ListingSource, PageRequest, SourceCatalog
from prograde.use_cases.services import Services
from tests.simulation.chance import Fault
from tests.simulation.faulty_ports import Scene, faulty_blobs, faulty_queue, faulty_store, faulty_warehouse
from tests.simulation.listing_source import SimulatedSource
from tests.simulation.scheduler import Action, Coroutine, Killed
from tests.simulation.virtual_time import moment_of
from tests.simulation.world import SKEW_SECONDS, SKEW_SECONDS_MAX, World

PORT_SECONDS = 0.02
CALL_SECONDS = 0.3
WRONG_CLOCK_ODDS = 0.1
"""How many processes have a clock that is minutes away, where clocks differ at all."""


class Process(Scene, Clock):
    """One process of the functions."""

    def __init__(self, world: World, name: str) -> None:
        self.chance = world.chance
        self.name = name
        self._world = world
        self._skew = self._drawn_skew()
        self._running: dict[Coroutine, None] = {}
        self._last: dict[Coroutine, str] = {}
        self.services = Services(
            store=faulty_store(self, world.store),
            queue=faulty_queue(self, world.queue),
            warehouse=faulty_warehouse(self, world.warehouse),
            blobs=faulty_blobs(self, world.blobs),
            catalog=_NoSources(),
            clock=self,
            listing_source=self._source,
            code_version="simulated",
            dispatching=lambda: "",
            calls_per_second=lambda _: None,
            overtaken_for=timedelta(seconds=world.overtaken_seconds),
        )

    def _drawn_skew(self) -> float:
        if not self.chance.has(Fault.SKEW):
            return 0.0
        self.chance.saw(Fault.SKEW)
        most = SKEW_SECONDS_MAX if self.chance.dice.random() < WRONG_CLOCK_ODDS else SKEW_SECONDS
        return self.chance.dice.uniform(-most, most)

    def begin(self, name: str, action: Action, on_end: Action = lambda: None) -> None:
        """Begin something in this process."""

        def ended() -> None:
            del self._running[coroutine]
            self._last.pop(coroutine, None)
            on_end()

        coroutine = self._world.scheduler.spawn(f"{self.name} {name}", action, ended)
        self._running[coroutine] = None

    def die(self) -> None:
        """End everything that runs here."""
        for coroutine in list(self._running):
            self._world.scheduler.kill(coroutine)

    @override
    def step(self, verb: str) -> None:
        me = self._world.scheduler.running
        if me is None:
            return
        seconds = self.chance.dice.expovariate(1 / PORT_SECONDS)
        if self.chance.strikes(Fault.SLOW):
            seconds = self.chance.dice.uniform(60.0, 400.0)
        self._world.scheduler.pause(seconds)
        is_end_of_all = self.chance.strikes(Fault.PROCESS_CRASH)
        # What pages do is done a hundred times in a run, the rest a few times only.
        tries = 1 if " page " in me.name else 3
        if is_end_of_all or any(self.chance.strikes(Fault.CRASH) for _ in range(tries)):
            self.chance.saw(f"died between {self._last.get(me, 'the beginning')} and {verb}")
            self._world.note(f"dies before {verb}")
            if is_end_of_all:
                self.die()
            raise Killed
        self._last[me] = verb
        self._world.note(verb)

    @override
    def is_away(self, port: str) -> bool:
        spans = self._world.store_outages if port == "store" else []
        is_away = not self.chance.is_healed and any(span.holds(self._world.scheduler.now) for span in spans)
        if is_away:
            self.chance.saw(Fault.STORE_OUTAGE)
        return is_away

    @override
    def now(self) -> datetime:
        return moment_of(self._world.clock + (0.0 if self.chance.is_healed else self._skew))

    @override
    def sleep(self, seconds: float) -> None:
        self._world.scheduler.pause(seconds)

    def _source(self, batch: Batch) -> ListingSource:
        return SimulatedSource(self._world.api, self, self._going, self._coming)

    def _going(self, request: PageRequest) -> None:
        self.step("source.request")
        self._world.auditor.called(request)

    def _coming(self, request: PageRequest) -> None:
        self._world.scheduler.pause(self.chance.dice.expovariate(1 / CALL_SECONDS))
        if self._world.api.is_poison(request):
            self._world.note("dies of this page")
            raise Killed
        self.step("source.answer")


class _NoSources(SourceCatalog):
    @override
    def names(self) -> tuple[str, ...]:
        return ()

    def text(self, name: str) -> str:
        raise NotFoundError(f"there is no source {name}")
