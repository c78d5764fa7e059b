"""How quickly pages answer with half a million professionals stored: `make benchmark-pages`."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import requests

from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Batch, BatchStatus, Parameters, Roster, Totals
from prograde.domain.counter import Counter, volume_edge
from prograde.domain.professional import Professional, Stage, State, StopReason
from prograde.domain.profile import Profile
from prograde.entrypoints.web_server import WebServer
from prograde.ports import RankedRow
from prograde.use_cases.export_files import write_export, write_manifest

PROFESSIONALS = 500_000
ASKED = 200
CHUNK = 500
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
AS_OF = date(2026, 6, 30)
PARAMETERS = Parameters(as_of=AS_OF, cutoff=date(2025, 6, 30))
CITIES = ("Kent", "Renton", "Bellevue", "Seattle", "Tacoma")
HEADERS = {"Accept": "text/html"}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a page took, in milliseconds, and how large it was."""

    page: str
    milliseconds: Sequence[float]
    kilobytes: float

    @property
    def median(self) -> float:
        """The time that half of the answers stay below."""
        return self._percentile(50)

    @property
    def p95(self) -> float:
        """The time that nineteen of twenty answers stay below."""
        return self._percentile(95)

    def _percentile(self, percent: int) -> float:
        return quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Store, publish, serve, ask, and print the table."""
    parser = argparse.ArgumentParser(prog="make benchmark-pages", description=__doc__)
    parser.add_argument("--professionals", type=int, default=PROFESSIONALS)
    parser.add_argument("--asked", type=int, default=ASKED, help="how often each page is asked for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prograde-benchmark-") as folder:
        sys.stdout.write(table(list(timings(Path(folder), given.professionals, given.asked)), given.professionals))


def table(measured: Sequence[Timing], professionals: int) -> str:
    """Write the table as docs/performance.md has it."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    asked = len(measured[0].milliseconds)
    lines = [
        f"{datetime.now(UTC).date()}, {machine}; two batches of {professionals:,}, {asked} requests of each page:",
        "",
        "| Page | Median | 95 % below | Size |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {each.page} | {each.median:.1f} ms | {each.p95:.1f} ms | {each.kilobytes:.0f} kB |" for each in measured),
    ]
    return "\n".join(lines) + "\n"


def timings(folder: Path, professionals: int, asked: int) -> Iterator[Timing]:
    """Measure each page over HTTP, one request after the other, on one connection."""
    directory = DataDirectory(folder)
    with directory.lock(), local_machine(directory, SourceFolder(folder), os.environ) as machine:
        done, running = stored(machine, "done", professionals), stored(machine, "running", professionals)
        published(machine, done, professionals)
        with WebServer(function_app("start_batch", machine.services), 0) as server, requests.Session() as session:
            middle = person("done", professionals // 2).professional_id
            for page, path in (
                ("A batch, finished", f"batches/{done.batch_id}"),
                ("A batch, running", f"batches/{running.batch_id}"),
                ("Batches", ""),
                ("Professionals, ranked", f"batches/{done.batch_id}/professionals"),
                ("Professionals, by id", f"batches/{running.batch_id}/professionals?q={middle[:-1]}"),
                ("A professional", f"batches/{done.batch_id}/professionals/{middle}"),
                ("Dead letters", f"batches/{done.batch_id}/dead-letters"),
            ):
                yield timed(session, page, server.url + path, asked)


def timed(session: requests.Session, page: str, url: str, asked: int) -> Timing:
    """Ask for a page so many times; the first two answers, which read templates and files, do not count."""
    milliseconds, size = [], 0
    for _ in range(asked + 2):
        began = time.perf_counter()
        response = session.get(url, headers=HEADERS, timeout=60)
        milliseconds.append(1_000 * (time.perf_counter() - began))
        assert response.ok, response.text
        size = len(response.content)
    return Timing(page, milliseconds[2:], size / 1_000)


def person(batch_id: str, number: int) -> Professional:
    """Make up a professional that is done, or every fiftieth time has failed."""
    is_failed = number % 50 == 0
    volume = (number * 7_919) % 60_000_000
    return Professional(
        batch_id=batch_id,
        professional_id=f"A{number:07}",
        sequence=number,
        due_at=NOW,
        step=6,
        stage=Stage.HISTORICAL,
        state=State.FAILED if is_failed else State.DONE,
        stop_reason=StopReason.FAILURE_LIMIT if is_failed else StopReason.LAST_PAGE,
        calls=6,
        last_failure="server_error: status 500" if is_failed else "",
        profile=Profile(
            f"A{number:07}", "Ada", f"Byron {number}", f"Ada Byron {number}", city=CITIES[number % len(CITIES)]
        ),
        aggregate=Aggregate(half_cents=200 * volume, half_sides=number % 60, sold_count=number % 40),
    )


def stored(machine: LocalMachine, batch_id: str, professionals: int) -> Batch:
    """Store a batch with its counters and professionals; one called "done" is over."""
    by_state: Tally[str] = Tally()
    by_grade: Tally[str] = Tally()
    by_volume: Tally[int] = Tally()
    for start in range(0, professionals, CHUNK):
        people = [person(batch_id, number) for number in range(start, min(start + CHUNK, professionals))]
        machine.services.store.create_professionals(people)
        for each in people:
            by_state[each.state] += 1
            if each.state is State.DONE:
                by_grade[PARAMETERS.rubric.grade(each.aggregate, AS_OF).name] += 1
                by_volume[volume_edge(each)] += 1
    counters = [Counter(index, pending=0) for index in range(16)]
    causes = {"server_error": by_state[State.FAILED]}
    counters[0] = replace(
        counters[0], by_state=by_state, by_grade=by_grade, by_cause=causes, by_volume=by_volume, calls=6 * professionals
    )
    batch = Batch(
        batch_id=batch_id,
        source="north",
        source_sha256="0" * 64,
        order_sha256="0" * 64,
        parameters=PARAMETERS,
        roster=Roster(f"batches/{batch_id}/roster.txt", professionals, "0" * 64),
        created_at=NOW,
        due_at=NOW,
    )
    if batch_id == "done":
        totals = Totals(dict(by_state), dict(by_grade), 6 * professionals)
        batch = replace(
            batch,
            status=BatchStatus.COMPLETE,
            grading_run=1,
            finished_at=NOW + timedelta(hours=40),
            totals=totals,
            op=None,
        )
    assert machine.services.store.create_batch(batch, counters)
    return batch


def published(machine: LocalMachine, batch: Batch, professionals: int) -> None:
    """Publish an export of the batch."""
    people = (person(batch.batch_id, number) for number in range(professionals))
    rows = (
        RankedRow(
            number + 1 if each.state is State.DONE else None,
            PARAMETERS.rubric.grade(each.aggregate, AS_OF).name if each.state is State.DONE else "",
            ("because",),
            each,
        )
        for number, each in enumerate(people)
    )
    with machine.services.blobs.staging() as folder:
        export = write_export(folder, batch, rows)
        manifest = {
            "export_digest": export.digest,
            "files": export.files,
            "code_version": "0",
            "raw_pages": export.calls,
            "calls": export.calls,
            "is_cancelled": False,
            "reconciliation": {"missing_raw_ids": [], "differences": []},
        }
        write_manifest(folder, manifest)
        machine.services.blobs.publish(f"exports/{batch.batch_id}/001", folder)


if __name__ == "__main__":
    main()
