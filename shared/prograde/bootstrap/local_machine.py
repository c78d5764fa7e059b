"""One machine: the local family over a data directory, and the functions hosted in this process."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from prograde import __version__
from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.adapters.listing_api.source import Source
from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.dispatcher import Dispatcher
from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.adapters.local.file_blob_store import FileBlobStore
from prograde.adapters.local.pacer import Pacer, Wait, Windows, remembered
from prograde.adapters.local.rate_ledger import RateLedger
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore
from prograde.adapters.local.sqlite_task_queue import SqliteTaskQueue
from prograde.adapters.system_clock import SystemClock
from prograde.domain.batch import Batch
from prograde.errors import InputError, NotFoundError
from prograde.ports import ListingSource, SourceCatalog
from prograde.settings import pace_dir
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import source_blob

LEFTOVERS_KEPT = timedelta(days=1)
"""A roster that was uploaded, and then not ordered, may still be for so long; and no finalize takes longer."""


class LocalMachine:
    """The local family over one data directory: the services, and the dispatcher that drives the functions."""

    def __init__(self, directory: DataDirectory, catalog: SourceCatalog, env: Mapping[str, str]) -> None:
        self._env = env
        # Re-entrant: a signal may call interrupt() in the middle of calls().
        self._guard = threading.RLock()
        self._sources: dict[str, HttpListingSource] = {}
        self._pacers: dict[str, Pacer] = {}
        self._windows: defaultdict[str, Windows] = defaultdict(Windows)
        self._ledgers: list[RateLedger] = []
        self._dispatcher: Dispatcher | None = None
        self._clock = SystemClock()
        self._store = SqliteBatchStore(directory.state)
        self._warehouse = DuckdbWarehouse(directory.warehouse)
        self._blobs = FileBlobStore(directory.blobs)
        self.queue = SqliteTaskQueue(directory.queue, self._clock)
        self.services = Services(
            store=self._store,
            queue=self.queue,
            warehouse=self._warehouse,
            blobs=self._blobs,
            catalog=catalog,
            clock=self._clock,
            listing_source=self.listing_source,
            code_version=__version__,
            dispatching=lambda: directory.owner,
            calls_per_second=self.calls_per_second,
            refusal=self.refusal,
        )

    def listing_source(self, batch: Batch) -> ListingSource:
        """Give the source of a batch, by its snapshot; calls with the same credential share one ledger."""
        with self._guard:
            if batch.source_sha256 not in self._sources:
                source = self.source(batch)
                pacer = self._pacers[batch.source_sha256] = self._pacer(source)
                self._sources[batch.source_sha256] = HttpListingSource(source, pacer, self._clock)
            return self._sources[batch.source_sha256]

    def _pacer(self, source: Source) -> Pacer:
        """Make the pace of a source; a provider counts calls by their credential, not by our sources and batches."""
        ledger = RateLedger(pace_dir(self._env) / f"{source.credential}.ledger", remembered(source.rate_limits))
        self._ledgers.append(ledger)
        return Pacer(source.rate_limits, ledger, self._clock, self._windows[source.credential])

    def calls_per_second(self, batch: Batch) -> float | None:
        """Tell how fast a batch's source is called, None while it cannot be: its file or a secret may be missing."""
        try:
            self.listing_source(batch)
        except (InputError, NotFoundError):
            return None
        return self._pacers[batch.source_sha256].calls_per_second()

    def source(self, batch: Batch) -> Source:
        """Read the source file that was kept at the batch's start; raises InputError, a secret may be missing now."""
        return load_source(self.services.blobs.read(source_blob(batch)).decode(), self._env)

    def dispatcher(self, concurrency: int) -> Dispatcher:
        """Build the dispatcher over the functions, each hosted in this process."""
        # Whoever only reads a data directory is not kept waiting for a web framework.
        from prograde.bootstrap.hosting import function_doors

        self._dispatcher = Dispatcher(self.queue, function_doors(self.services), self._clock, concurrency)
        return self._dispatcher

    def refusal(self, batch_id: str) -> str:
        """Say what a task of a batch is refused with again and again, by the dispatcher that was built last."""
        return "" if self._dispatcher is None else self._dispatcher.refusal_of(batch_id)

    def sweep(self) -> None:
        """Delete a day-old input that no batch names, as a lifecycle does in the cloud, and what was never finished."""
        before = self._clock.now() - LEFTOVERS_KEPT
        named = {blob for batch in self._store.batches() for blob in (batch.roster.blob, source_blob(batch))}
        self._blobs.sweep("batches", named, before)
        self._blobs.sweep_staging(before)

    def calls(self) -> int:
        """Count the calls that left since the start."""
        with self._guard:
            return sum(pacer.calls for pacer in self._pacers.values())

    def wait(self) -> Wait | None:
        """Tell what holds up the next call of the credential that waits the longest; None while nothing does."""
        with self._guard:
            waits = [wait for pacer in self._pacers.values() if (wait := pacer.wait)]
        return max(waits, key=lambda wait: wait.until, default=None)

    def interrupt(self) -> None:
        """Let no further call leave, and wake the dispatcher."""
        with self._guard:
            for pacer in self._pacers.values():
                pacer.close()
        self.queue.changed.set()

    def close(self) -> None:
        """Close every file."""
        for source in self._sources.values():
            source.close()
        for ledger in self._ledgers:
            ledger.close()
        self._warehouse.close()
        self.queue.close()
        self._store.close()


@contextmanager
def local_machine(directory: DataDirectory, catalog: SourceCatalog, env: Mapping[str, str]) -> Iterator[LocalMachine]:
    """Lend the machine of a data directory, whose lock the caller holds if it means to change anything."""
    machine = LocalMachine(directory, catalog, env)
    try:
        yield machine
    finally:
        machine.close()
