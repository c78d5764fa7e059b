"""What all processes of one run share: time, what stands behind the ports, the source, the log."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prograde.domain.batch import Batch
from tests.simulation.auditor import Auditor
from tests.simulation.chance import Chance, Fault
from tests.simulation.listing_source import Api, Span
from tests.simulation.market import Market
from tests.simulation.memory_batch_store import Audit, MemoryBatchStore, SimulatedStore
from tests.simulation.memory_blob_store import MemoryBlobStore
from tests.simulation.memory_task_queue import NAME_KEPT_SECONDS, MemoryTaskQueue
from tests.simulation.memory_warehouse import MemoryWarehouse
from tests.simulation.scheduler import Scheduler

EVENTS_KEPT = 60
SKEW_SECONDS = 5.0
AGAIN_SECONDS = 60.0
"""How soon the source is asked again after it was to be left alone."""
SKEW_SECONDS_MAX = 60 * SKEW_SECONDS
WarehouseKind = Callable[..., MemoryWarehouse]
StoreKind = Callable[[Scheduler, Audit], SimulatedStore]
OVERTAKEN_SECONDS = (0.0, 480.0)
"""How long a sounding stays out, as on one machine and as in the cloud."""
ROW_DELAY_SECONDS_MAX = 25.0
"""Less than finalize waits for: a row that is never seen changes what can be proved."""


def in_memory(_scheduler: Scheduler, audit: Audit) -> SimulatedStore:
    """Make a store that commits in memory."""
    return MemoryBatchStore(audit)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    at: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:11.3f} s  {self.who:<34} {self.what}"


class World:
    """One run's shared state; `jump` is how far the clocks stand from true time."""

    def __init__(
        self,
        market: Market,
        chance: Chance,
        events_kept: int | None,
        warehouse_kind: WarehouseKind,
        store_kind: StoreKind = in_memory,
    ) -> None:
        self.chance = chance
        self.scheduler = Scheduler(chance.dice)
        self.api = Api(market, chance, lambda: self.scheduler.now, self.note)
        self.store_outages: list[Span] = []
        self.overtaken_seconds = chance.dice.choice(OVERTAKEN_SECONDS)
        self.jump = 0.0
        self.jumped = 0.0
        self.log: deque[Event] = deque(maxlen=events_kept)
        self.violations: list[str] = []
        self.auditor = Auditor(self.scheduler, self.violated, chance.saw)
        self.store = store_kind(self.scheduler, self.auditor.committed)
        self.queue = MemoryTaskQueue(
            lambda: self.clock, name_kept=30.0 if chance.has(Fault.NAMES_FORGOTTEN) else NAME_KEPT_SECONDS
        )
        self.queue.forgot = lambda: chance.saw(Fault.NAMES_FORGOTTEN)
        self.warehouse = warehouse_kind(lambda: self.scheduler.now, self._row_delay, self.auditor.kept)
        self.blobs = MemoryBlobStore()
        self.auditor.evidence.are_clocks_right = not (chance.has(Fault.SKEW) or chance.has(Fault.CLOCK_JUMP))

    @property
    def clock(self) -> float:
        """The seconds that an honest clock shows, jumps included."""
        return self.scheduler.now + self.jump

    def note(self, what: str) -> None:
        """Enter something in the log."""
        running = self.scheduler.running
        self.log.append(Event(self.scheduler.now, running.name if running else "-", what))

    def violated(self, what: str) -> None:
        """Take note that an invariant does not hold: the run ends here."""
        self.note(f"VIOLATION {what}")
        self.violations.append(what)

    def heal(self) -> None:
        """End all faults: what is lost stays lost, and nothing more goes wrong."""
        self.chance.is_healed = True
        self.api.heal()
        self.note("all faults have healed")

    def outlasts_patience(self, batch: Batch) -> bool:
        """Whether the source was away, or asked to wait, for longer than the batch's patience, by some clock."""
        patience = 60.0 * batch.parameters.outage_patience_minutes
        wrong = self.jumped + (SKEW_SECONDS_MAX if Fault.SKEW in self.chance.faults else 0.0)
        since = until = 0.0
        for span in sorted([*self.api.outages.values(), *self.api.silences], key=lambda span: span.start):
            since = span.start if span.start > until + AGAIN_SECONDS else since
            until = max(until, span.end)
            if until - since + wrong >= patience:
                return True
        return False

    def jump_by(self, seconds: float) -> None:
        """Put all clocks forward or back."""
        self.jump += seconds
        self.jumped += abs(seconds)
        self.chance.saw(Fault.CLOCK_JUMP)
        self.note(f"the clocks stand at {self.jump:+.1f} s")

    def _row_delay(self) -> float:
        if self.chance.strikes(Fault.ROW_SEEN_LATE):
            return self.chance.dice.uniform(0.0, ROW_DELAY_SECONDS_MAX)
        return 0.0
