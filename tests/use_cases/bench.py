"""One machine's services over real files, a set clock and a scripted source; and a driver that delivers tasks."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from prograde.adapters.documents import (
    read_finalize_task,
    read_page_task,
    read_seed_task,
    read_sounding_task,
    read_wake_task,
)
from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.adapters.local.file_blob_store import FileBlobStore
from prograde.adapters.local.source_files import SourceFolder
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.domain.batch import Batch, Parameters
from prograde.domain.effects import (
    FinalizeTask,
    PageTask,
    Queue,
    SeedTask,
    SoundingTask,
    Task,
    WakeTask,
    effects,
    page_task,
)
from prograde.domain.professional import Professional
from prograde.ports import Transaction
from prograde.use_cases.fetch_page import fetch_page
from prograde.use_cases.finalize import finalize
from prograde.use_cases.seed import seed_step
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order, start_batch
from prograde.use_cases.steer import cancel_batch, pause_batch, resume_batch
from prograde.use_cases.supervise import sound, supervise
from prograde.use_cases.wake import wake_step
from tests.contracts.set_clock import SetClock
from tests.contracts.specimens import PARAMETERS
from tests.use_cases.interruptions import WRITES, AtCall, crash, interrupted
from tests.use_cases.scripted_source import ScriptedSource

TURNS_MAX = 200
"""No run here takes so many rounds of deliveries: one that does goes round in circles."""
DELIVERIES_MAX = 2_000
_READERS: dict[str, Callable[[bytes], Task]] = {
    "page": read_page_task,
    "seed": read_seed_task,
    "wake": read_wake_task,
    "finalize": read_finalize_task,
    "sounding": read_sounding_task,
}


def an_order(*ids: str, key: str = "", parameters: Parameters = PARAMETERS, source_text: str = "north: 1") -> Order:
    """Order a batch over these professionals; what it was asked for is its source file and roster."""
    content = "".join(f"{professional_id}\n" for professional_id in ids).encode()
    return Order(
        source="north",
        source_text=source_text,
        parameters=parameters,
        roster=BytesIO(content),
        professionals=len(ids),
        roster_sha256=sha256(content).hexdigest(),
        sha256=sha256(source_text.encode() + content).hexdigest(),
        idempotency_key=key,
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """The services, what stands behind them, and the verbs that a test speaks in; its batch is the newest one."""

    folder: Path
    services: Services
    queue: SqliteTaskQueue
    clock: SetClock
    source: ScriptedSource

    def start(self, *ids: str, parameters: Parameters = PARAMETERS) -> Batch:
        return start_batch(self.services, an_order(*ids, parameters=parameters))

    def deliver(self, task: Task, services: Services | None = None, deaths: int = 0) -> None:
        """Do what the functions do with a delivered task."""
        services = services or self.services
        match task:
            case PageTask():
                fetch_page(services, task, deaths)
            case SeedTask():
                seed_step(services, task)
            case WakeTask():
                wake_step(services, task)
            case FinalizeTask():
                finalize(services, task)
            case SoundingTask():
                sound(services, task)

    def due(self) -> list[Task]:
        """Take all tasks that are due, and acknowledge them: who does not deliver them loses them."""
        deliveries = self.queue.exchange((), dict.fromkeys(Queue, 1_000))
        self.queue.exchange([delivery.name for delivery in deliveries], {})
        return [_READERS[delivery.kind](delivery.body.encode()) for delivery in deliveries]

    def due_pages(self) -> set[PageTask]:
        """Take all tasks that are due, and give the page tasks of them."""
        return {task for task in self.due() if isinstance(task, PageTask)}

    def due_later(self) -> list[Task]:
        """Take all tasks that are due within the hour; the clock is back afterwards."""
        now = self.clock.now()
        self.clock.sleep(3_599)
        tasks = self.due()
        self.clock.moment = now
        return tasks

    def run(self, services: Services | None = None) -> Batch:
        """Deliver until no task is left, the clock going on to each one's time."""
        for _ in range(TURNS_MAX):
            for task in self.due():
                self.deliver(task, services)
            next_due_at = self.queue.next_due_at(Queue)
            if next_due_at is None:
                return self.batch()
            self.clock.moment = max(self.clock.moment, next_due_at)
        raise AssertionError("the batch does not come to rest")

    def run_until(self, is_so: Callable[[], bool]) -> Batch:
        """Deliver one task after the other, the clock going on, until something is so."""
        for _ in range(DELIVERIES_MAX):
            if is_so():
                return self.batch()
            for queue in (Queue.CONTROL, Queue.PAGES):
                if deliveries := self.queue.exchange((), {queue: 1}):
                    self.deliver(_READERS[deliveries[0].kind](deliveries[0].body.encode()))
                    self.queue.exchange([deliveries[0].name], {})
                    break
            else:
                next_due_at = self.queue.next_due_at(Queue)
                assert next_due_at is not None, "nothing is left to happen"
                self.clock.moment = max(self.clock.moment, next_due_at)
        raise AssertionError("it never comes to be so")

    # --- what is stored

    def batch(self) -> Batch:
        return next(self.services.store.batches())

    def professional(self, professional_id: str) -> Professional:
        professional = self.services.store.professional(self.batch().batch_id, professional_id)
        assert professional is not None
        return professional

    def task(self, professional_id: str) -> PageTask:
        """Give the task of a professional's stored step."""
        return page_task(self.professional(professional_id))

    def pending(self) -> int:
        return sum(counter.pending for counter in self.services.store.counters(self.batch().batch_id))

    def people(self) -> list[Professional]:
        return list(self.services.store.professionals(self.batch().batch_id))

    def misbooked(self) -> list[object]:
        """Name the counters that are not what the stored professionals say, and a wrong number of drained ones."""
        batch, people = self.batch(), self.people()
        wrong: list[object] = []
        drained = 0
        for counter in self.services.store.counters(batch.batch_id):
            theirs = [who for who in people if who.sequence % batch.counters == counter.index]
            closed = [who for who in theirs if who.is_final]
            told = (Tally(counter.by_state), +Tally(counter.by_cause), counter.calls)
            states = Tally(str(who.state) for who in closed)
            causes = Tally(who.failure_cause for who in closed if who.is_dead_letter)
            drained += not counter.pending
            if counter.pending != len(theirs) - len(closed) or told != (
                states,
                causes,
                sum(who.calls for who in closed),
            ):
                wrong.append(counter)
        return wrong if drained == batch.drained else [*wrong, f"{batch.drained} drained, counted {drained}"]

    def statuses(self) -> list[str]:
        """Tell the statuses that the operations team was told, in their order."""
        files = sorted((self.folder / "warehouse" / "batches").glob("*.ndjson"))
        return [orjson.loads(line)["status"] for file in files for line in file.read_bytes().splitlines()]

    def exports(self) -> list[Path]:
        return sorted((self.folder / "blobs" / "exports" / self.batch().batch_id).iterdir())

    def manifest(self) -> Any:  # noqa: ANN401  # JSON
        """Read the manifest of the newest export."""
        return orjson.loads((self.exports()[-1] / "manifest.json").read_bytes())

    def raw_rows(self) -> int:
        return self.services.warehouse.reconcile(self.batch(), 1).raw_pages

    def differences(self) -> Sequence[object]:
        """Name what the raw rows do not bear out of what is stored."""
        batch = self.batch()
        self.services.warehouse.load_results(batch, self.services.store.professionals(batch.batch_id))
        reconciliation = self.services.warehouse.reconcile(batch, 10)
        return reconciliation.missing_raw_ids + reconciliation.differences

    # --- what happens to it

    def put_batch(self, batch: Batch) -> None:
        def put(transaction: Transaction) -> None:
            transaction.put_batch(batch)

        self.services.store.transact(put)

    def pause(self) -> None:
        pause_batch(self.services, self.batch().batch_id, "somebody asked for it")

    def resume(self) -> Batch:
        return resume_batch(self.services, self.batch().batch_id)

    def cancel(self) -> None:
        cancel_batch(self.services, self.batch().batch_id)

    def wake(self) -> None:
        """Deliver the waking chain to its end."""
        while chain := [task for task in effects(self.batch()) if isinstance(task, WakeTask)]:
            self.deliver(chain[0])

    def supervise(self, services: Services | None = None) -> None:
        supervise(services or self.services)

    def before(self, verb: str, happening: Callable[[], object], nth: int = 1) -> Services:
        """Give services with something happening right before the nth call of a verb, as in "store.transact"."""
        port, name = verb.split(".")
        changed: dict[str, Any] = {port: interrupted(getattr(self.services, port), {name}, AtCall(nth, happening))}
        return replace(self.services, **changed)

    def before_write(self, nth: int, happening: Callable[[], object]) -> Services:
        """Give services with something happening right before their nth write, whatever it writes to."""
        once = AtCall(nth, happening)
        return replace(
            self.services,
            store=interrupted(self.services.store, WRITES, once),
            queue=interrupted(self.services.queue, WRITES, once),
            warehouse=interrupted(self.services.warehouse, WRITES, once),
            blobs=interrupted(self.services.blobs, WRITES, once),
        )

    def dying_before(self, verb: str, nth: int = 1) -> Services:
        """Give services whose process dies right before the nth call of a verb."""
        return self.before(verb, crash, nth)


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """Lend a bench over an empty folder."""
    clock = SetClock()
    source = ScriptedSource(clock)
    folder.mkdir(exist_ok=True)
    with (
        closing(SqliteBatchStore(folder / "state.sqlite")) as store,
        closing(SqliteTaskQueue(folder / "queue.sqlite", clock)) as queue,
        closing(DuckdbWarehouse(folder / "warehouse")) as warehouse,
    ):
        services = Services(
            store=store,
            queue=queue,
            warehouse=warehouse,
            blobs=FileBlobStore(folder / "blobs"),
            catalog=SourceFolder(folder),
            clock=clock,
            listing_source=lambda _: source,
            code_version="2026.11.0",
            dispatching=lambda: "",
            calls_per_second=lambda _: None,
        )
        yield Bench(folder, services, queue, clock, source)
