"""One call to a hostile server in a process of its own, whose time and memory are measured."""

import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prograde.domain.outcome import Failure
from tests.forkserver import FORKSERVER
from tests.listing_api.answering_server import Answer, AnsweringServer, http_answer
from tests.listing_api.calls import PAGE, listing_source
from tests.listing_api.source_texts import page_request

READ_TIMEOUT_SECONDS = 1.0
ANSWER_BYTES_MAX = 10_000_000
AT_ONCE = 4


@dataclass(frozen=True)
class Measured:
    """What became of an answer: the outcome's name and cause, wall time, and how far the process's memory grew."""

    outcome: str
    seconds: float
    grown_bytes: int


def measured(answers: Iterable[Answer]) -> Iterator[Measured]:
    """Fetch a good page and then an answer, each pair in a process of its own."""
    with ExitStack() as stack:
        servers = [stack.enter_context(AnsweringServer(http_answer(PAGE), answer)) for answer in answers]
        with ProcessPoolExecutor(AT_ONCE, mp_context=FORKSERVER, max_tasks_per_child=1) as pool:
            yield from pool.map(_second_call, [server.origin for server in servers])


def _second_call(origin: str) -> Measured:
    limits = {"read_timeout_seconds": READ_TIMEOUT_SECONDS, "response_bytes_max": ANSWER_BYTES_MAX}
    with listing_source(origin, **limits) as listings:
        listings.fetch(page_request())
        before, started = _peak_bytes(), time.monotonic()
        outcome, _ = listings.fetch(page_request())
        seconds = time.monotonic() - started
    named = f"{type(outcome).__name__} {outcome.cause}" if isinstance(outcome, Failure) else type(outcome).__name__
    return Measured(named, seconds, _peak_bytes() - before)


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # Not what getrusage says, which on Linux begins with the peak of the process that started this one.
        peak = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
