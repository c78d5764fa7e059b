"""What every answer goes through, whole: fetched, kept, counted, stored, reconciled and graded."""

import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from socket import socket

import duckdb

from prograde.adapters.documents import PROFESSIONAL
from prograde.adapters.local.duckdb_warehouse import DuckdbWarehouse
from prograde.adapters.local.ndjson_tables import raw_page_line, scan
from prograde.domain.advancing import advance
from prograde.domain.batch import Batch
from prograde.domain.outcome import Denied, Failure, ListingPage, NotFound, Outcome, ProfilePage, Refused, Throttled
from prograde.domain.professional import Professional, Stage
from prograde.domain.profile import Profile
from prograde.domain.raw_page import Exchange, RawPage, outcome_detail, page_records, raw_page_id
from prograde.ports import GradedRow, PageRequest
from tests.contracts import specimens
from tests.fuzz.paginated_sources import ANSWER_BYTES_MAX, READ_TIMEOUT_SECONDS, paginated_sources
from tests.listing_api.answering_server import AnsweringServer
from tests.listing_api.calls import sends_and_closes
from tests.listing_api.source_texts import NOW, PARAMETERS, TOKEN

BATCH: Batch = replace(specimens.BATCH, parameters=PARAMETERS)
SLACK_SECONDS = 4.0
"""What a busy machine may add to a time limit."""
DOCUMENT_BYTES_MAX = 1_000_000
"""What Firestore holds in one document, less what its fields' names take."""


class Journey:
    """A batch in which each answer meets a professional of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._answer = b""
        server = stack.enter_context(AnsweringServer(self._send))
        self._sources = stack.enter_context(paginated_sources(server.origin))
        self._raw_file = folder / "raw_pages" / BATCH.batch_id / "000001.ndjson"
        self._raw_file.parent.mkdir(parents=True)
        self._raw_rows = stack.enter_context(self._raw_file.open("wb"))
        self._warehouse = DuckdbWarehouse(folder)
        stack.callback(self._warehouse.close)
        self._professionals: list[Professional] = []
        self._exchanges: dict[str, Exchange] = {}

    def meet(self, paginator: str, stage: Stage, answer: bytes) -> Outcome:
        """Take one answer all the way into what is stored; asserts what must hold of any."""
        self._answer = answer
        loaded, caller = self._sources[paginator]
        before = self._newcomer(stage)
        request = PageRequest(before.professional_id, before.agent_key, stage, 1, None, PARAMETERS)

        started = time.monotonic()
        outcome, exchange = caller.fetch(request)
        assert time.monotonic() - started < READ_TIMEOUT_SECONDS + SLACK_SECONDS
        assert isinstance(outcome, ProfilePage | ListingPage | Throttled | Failure | NotFound | Refused | Denied)
        assert len(exchange.body) <= ANSWER_BYTES_MAX

        raw_id = self._keep(before, outcome, exchange)
        after = advance(before, outcome, PARAMETERS, NOW, raw_id)
        stored = PROFESSIONAL.write(after)
        assert PROFESSIONAL.read(stored) == after
        assert len(stored) <= DOCUMENT_BYTES_MAX
        assert TOKEN not in stored
        assert after.last_failure.isprintable()
        assert len(after.last_failure) < 500
        if not after.is_final:
            following = replace(request, agent_key=after.agent_key, stage=after.stage, cursor=after.cursor)
            assert loaded.stages[after.stage].call(following).target.isascii()
        self._professionals.append(after)
        return outcome

    def _send(self, connection: socket) -> None:
        sends_and_closes(self._answer)(connection)

    def _newcomer(self, stage: Stage) -> Professional:
        return Professional(
            BATCH.batch_id,
            f"P{len(self._professionals)}",
            len(self._professionals),
            due_at=NOW,
            stage=stage,
            profile=None if stage is Stage.PROFILE else Profile(agent_key="K1"),
        )

    def _keep(self, before: Professional, outcome: Outcome, exchange: Exchange) -> str:
        raw_id = raw_page_id(BATCH.batch_id, before.professional_id, before.step, exchange)
        raw_page = RawPage(
            raw_id=raw_id,
            batch_id=BATCH.batch_id,
            professional_id=before.professional_id,
            step=before.step,
            stage=before.stage,
            page=before.page,
            outcome=type(outcome).__name__,
            detail=outcome_detail(outcome),
            agent_key=before.agent_key,
            exchange=exchange,
            records=page_records(outcome),
        )
        # As the warehouse writes it, but for a disk that is waited for a thousand times.
        self._raw_rows.write(raw_page_line(raw_page) + b"\n")
        self._exchanges[raw_id] = exchange
        return raw_id

    def end(self) -> None:
        """Read everything back: raw rows as they were, aggregates recomputed from them, everybody ranked."""
        self._raw_rows.flush()
        self._warehouse.load_results(BATCH, self._professionals)
        graded = [
            GradedRow(each.professional_id, grade.name, grade.tier, grade.reasons)
            for each in self._professionals
            for grade in [PARAMETERS.rubric.grade(each.aggregate, PARAMETERS.as_of)]
        ]
        self._warehouse.load_grades(BATCH, graded)
        reconciliation = self._warehouse.reconcile(BATCH, 10)
        assert () == reconciliation.missing_raw_ids
        assert () == reconciliation.differences
        assert len(self._exchanges) == reconciliation.raw_pages
        assert sorted(self._professionals, key=_by_id) == sorted(
            (row.professional for row in self._warehouse.ranked(BATCH)), key=_by_id
        )
        assert self._exchanges == dict(self._read_exchanges())

    def _read_exchanges(self) -> Iterator[tuple[str, Exchange]]:
        rows = scan("raw_page_log", [self._raw_file])
        read = f"SELECT raw_id, latency_ms, url, status, body_sha256, headers, body, body_base64 FROM ({rows})"
        with duckdb.connect(":memory:") as connection:
            found = connection.execute(read).fetchall()
        for raw_id, *values, headers, body, body_base64 in found:
            latency_ms, url, status, body_sha256 = values
            kept = tuple((header["name"], header["value"]) for header in headers)
            data = b64decode(body_base64) if body is None else body.encode()
            sent_at = self._exchanges[raw_id].sent_at
            yield raw_id, Exchange(sent_at, latency_ms, url, status, kept, data, body_sha256)


def _by_id(professional: Professional) -> str:
    return professional.professional_id


@contextmanager
def journey(folder: Path) -> Iterator[Journey]:
    """Lend a journey, and read back what it kept."""
    with ExitStack() as stack:
        through = Journey(folder, stack)
        yield through
        through.end()
