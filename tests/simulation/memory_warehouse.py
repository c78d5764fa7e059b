"""Raw rows, results and grades in dictionaries, reconciled by the exact recount of the unit tests."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from typing_extensions import override

from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Batch
from prograde.domain.listing import Listing, Rejection
from prograde.domain.professional import Professional, Stage
from prograde.domain.raw_page import RawPage
from prograde.ports import ATTEMPT_BODY_MAX, Attempt, Difference, GradedRow, RankedRow, Reconciliation, Run, Warehouse
from tests.unit.recount import recount

FIGURES = sorted({field.name for field in fields(Aggregate)} - {"seen"})
GradingRun = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A raw row, and from when on a query sees it."""

    page: RawPage
    visible_from: float


class MemoryWarehouse(Warehouse):
    """
    Warehouse; a row is seen by queries `delay()` seconds after it was kept, by the clock given as `now`.

    `kept` is told of each new raw row.
    """

    def __init__(
        self,
        now: Callable[[], float] = lambda: 0.0,
        delay: Callable[[], float] = lambda: 0.0,
        kept: Callable[[RawPage], None] = lambda _: None,
    ) -> None:
        self._now = now
        self._delay = delay
        self._kept = kept
        self.raw_pages: dict[str, Row] = {}
        self.runs: list[Run] = []
        self.batches: list[tuple[datetime, Batch]] = []
        self._results: dict[GradingRun, dict[str, Professional]] = {}
        self._grades: dict[GradingRun, dict[str, GradedRow]] = {}

    @override
    def insert_raw_page(self, raw_page: RawPage) -> None:
        known = self.raw_pages.get(raw_page.raw_id)
        if known is None:
            self.raw_pages[raw_page.raw_id] = Row(raw_page, self._now() + self._delay())
            self._kept(raw_page)
        elif raw_page.exchange.sent_at < known.page.exchange.sent_at:
            self.raw_pages[raw_page.raw_id] = Row(raw_page, known.visible_from)

    @override
    def attempts(self, batch_id: str, professional_id: str) -> tuple[Attempt, ...]:
        pages = [row.page for row in list(self.raw_pages.values())]
        found = [page for page in pages if (page.batch_id, page.professional_id) == (batch_id, professional_id)]
        return tuple(_attempt(page) for page in sorted(found, key=lambda page: (page.step, page.exchange.sent_at)))

    @override
    def load_results(self, batch: Batch, professionals: Iterable[Professional]) -> int:
        loaded = {professional.professional_id: professional for professional in professionals}
        self._results[_run(batch)] = loaded
        return len(loaded)

    @override
    def load_grades(self, batch: Batch, rows: Iterable[GradedRow]) -> int:
        loaded = {row.professional_id: row for row in rows}
        self._grades[_run(batch)] = loaded
        return len(loaded)

    @override
    def reconcile(self, batch: Batch, limit: int) -> Reconciliation:
        now = self._now()
        visible = {
            raw_id: row.page
            for raw_id, row in list(self.raw_pages.items())
            if row.page.batch_id == batch.batch_id and row.visible_from <= now
        }
        results = self._results.get(_run(batch), {})
        counted = {line.raw_id for professional in results.values() for line in professional.ledger}
        differences = [
            difference
            for professional_id in sorted(results)
            for difference in differences_of(results[professional_id], visible, batch)
        ]
        missing = sorted(counted - visible.keys())
        return Reconciliation(len(visible), tuple(missing[:limit]), tuple(differences[:limit]))

    @override
    def ranked(self, batch: Batch) -> Iterator[RankedRow]:
        results, grades = self._results.get(_run(batch), {}), self._grades.get(_run(batch), {})
        both = [(results[name], grades[name]) for name in sorted(results) if name in grades]
        graded = sorted(
            ((_order(professional, row), row, professional) for professional, row in both if row.tier >= 0),
            key=lambda one: (one[0], one[2].professional_id),
        )
        position, before = 0, None
        for index, (order, row, professional) in enumerate(graded, start=1):
            position = position if order == before else index
            before = order
            yield RankedRow(position, row.grade, row.reasons, professional)
        for professional, row in both:
            if row.tier < 0:
                yield RankedRow(None, row.grade, row.reasons, professional)

    @override
    def append_batch(self, batch: Batch, at: datetime) -> None:
        self.batches.append((at, batch))

    @override
    def check(self) -> None:
        """Do nothing: memory always answers."""

    @override
    def append_run(self, run: Run) -> None:
        self.runs.append(run)


def _attempt(page: RawPage) -> Attempt:
    exchange = page.exchange
    return Attempt(
        raw_id=page.raw_id,
        step=page.step,
        stage=page.stage,
        page=page.page,
        outcome=page.outcome,
        detail=page.detail,
        sent_at=exchange.sent_at,
        latency_ms=exchange.latency_ms,
        url=exchange.url,
        status=exchange.status,
        body=_text(exchange.body)[:ATTEMPT_BODY_MAX],
        agent_key=page.agent_key,
        records=page.records,
    )


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return b64encode(body).decode()


def _run(batch: Batch) -> GradingRun:
    return batch.batch_id, batch.grading_run


def _order(professional: Professional, row: GradedRow) -> tuple[int, bool, int, int]:
    """Floors stand first in their grade, and equal: what they come to is unknown."""
    figures = professional.aggregate
    if professional.volume_is_floor:
        return row.tier, False, 0, 0
    return row.tier, True, -figures.half_cents, -figures.half_sides


def recounted(professional: Professional, pages: Mapping[str, RawPage], batch: Batch) -> Aggregate:
    """Recount a professional's figures from the raw rows that its ledger names, and nothing else."""
    lines = sorted(professional.ledger, key=lambda line: line.step)
    met: dict[str, list[Listing]] = {Stage.ACTIVE: [], Stage.HISTORICAL: []}
    rejected = 0
    for line in lines:
        records = pages[line.raw_id].records if line.raw_id in pages else ()
        rejected += sum(isinstance(record, Rejection) for record in records)
        met.setdefault(line.stage, []).extend(record for record in records if isinstance(record, Listing))
    agent = (professional.profile and professional.profile.agent_key) or professional.professional_id
    parameters = batch.parameters
    figures = recount(met[Stage.ACTIVE], met[Stage.HISTORICAL], agent, parameters.attribution, parameters.window)
    values = {name: getattr(figures, name) for name in FIGURES}
    return Aggregate(**{**values, "rejected_records": rejected})


def differences_of(professional: Professional, pages: Mapping[str, RawPage], batch: Batch) -> Iterator[Difference]:
    """Name each stored figure that the raw rows do not bear out."""
    figures = recounted(professional, pages, batch)
    for name in FIGURES:
        stored, again = getattr(professional.aggregate, name), getattr(figures, name)
        if stored != again:
            yield Difference(professional.professional_id, name, _shown(stored), _shown(again))


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
