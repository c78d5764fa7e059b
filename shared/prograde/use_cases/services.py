"""The ports that use cases work with, as one value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from prograde.domain.batch import Batch
from prograde.ports import BatchStore, BlobStore, Clock, ListingSource, Readiness, SourceCatalog, TaskQueue, Warehouse


@dataclass(frozen=True, slots=True)
class Services:
    """
    Everything outside the process, behind its port.

    `listing_source` makes, or finds again, the source of a batch from the snapshot taken at its start. `dispatching`
    names who delivers tasks, "" while nobody does. `calls_per_second` tells how fast a batch's source is called by
    everybody who shares its credential, None where that cannot be told. `refusal` says what a task of the batch of that
    id is refused with again and again, "" where none is, or where that is seen elsewhere. `readiness` asks the other
    functions, None where one process is all of them. `overtaken_for` is how long a page may still be at work that a
    sounding has overtaken, nothing where soundings wait for what was sent before.
    """

    store: BatchStore
    queue: TaskQueue
    warehouse: Warehouse
    blobs: BlobStore
    catalog: SourceCatalog
    clock: Clock
    listing_source: Callable[[Batch], ListingSource]
    code_version: str
    dispatching: Callable[[], str]
    calls_per_second: Callable[[Batch], float | None]
    refusal: Callable[[str], str] = lambda _: ""
    readiness: Readiness | None = None
    overtaken_for: timedelta = timedelta()
