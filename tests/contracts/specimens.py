"""One of each thing that is stored, to be changed with `dataclasses.replace`."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from prograde.domain.aggregation import KEYS_MAX, Aggregate
from prograde.domain.batch import PAGE_LIMIT_MAX, Batch, Parameters, Roster
from prograde.domain.counter import new_counters
from prograde.domain.effects import PageTask
from prograde.domain.listing import Listing, Rejection
from prograde.domain.professional import CountedPage, Professional, Stage
from prograde.domain.profile import Profile
from prograde.domain.raw_page import Exchange, RawPage, raw_page_id

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PARAMETERS = Parameters(as_of=date(2026, 11, 1), cutoff=date(2025, 11, 1))
BATCH = Batch(
    batch_id="north-2026-11-01-0a1b2c3d",
    source="north",
    source_sha256=sha256(b"source").hexdigest(),
    order_sha256="1" * 32,
    parameters=PARAMETERS,
    roster=Roster("batches/north/roster.txt", 40, sha256(b"roster").hexdigest()),
    created_at=NOON,
    due_at=NOON,
    grading_run=1,
)
COUNTERS = new_counters(40)
PROFESSIONAL = Professional(BATCH.batch_id, "agent-1", 0, due_at=NOON)
PAGE_TASK = PageTask(BATCH.batch_id, "agent-1", step=3, wake=1, due_at=NOON)

AWKWARD = "O'Brien \"Bob\"\r\n\t; DROP TABLE x -- \u202e \u0000 é 中 \U0001f3e1 \\ %s $1 @id {} ''"
"""Text that breaks whatever pastes strings together."""


_TEXT = "\U0001f3e1" * 255
LARGEST = replace(
    PROFESSIONAL,
    step=999_999,
    cursor='"' * 8_192,
    last_failure="\U0001f3e1" * 400,
    profile=Profile(_TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT),
    aggregate=replace(PROFESSIONAL.aggregate, seen=bytes(8 * KEYS_MAX)),
    ledger=tuple(
        CountedPage(999_999, stage, page + 1, "f" * 32)
        for stage in (Stage.ACTIVE, Stage.HISTORICAL)
        for page in range(PAGE_LIMIT_MAX)
    ),
)
"""As much of everything as there may be."""


def professional(professional_id: str) -> Professional:
    """Make an open professional."""
    return replace(PROFESSIONAL, professional_id=professional_id)


def exchange(body: bytes) -> Exchange:
    """Make an answered call."""
    return Exchange(
        sent_at=NOON,
        latency_ms=12.5,
        url="https://api.example/Property?$filter=…",
        status=200,
        headers=(("Content-Type", "application/json"),),
        body=body,
        body_sha256=sha256(body).hexdigest(),
    )


def raw_page(
    step: int, *records: Listing | Rejection, batch_id: str = BATCH.batch_id, body: bytes = b'{"value": []}'
) -> RawPage:
    """Make the raw row of one step of agent-1's historical stage."""
    answered = exchange(body)
    return RawPage(
        raw_id=raw_page_id(batch_id, "agent-1", step, answered),
        batch_id=batch_id,
        professional_id="agent-1",
        step=step,
        stage=Stage.HISTORICAL,
        page=1,
        outcome="ListingPage",
        detail="",
        agent_key="agent-1",
        exchange=answered,
        records=records,
    )


def counting(raw_page: RawPage, aggregate: Aggregate) -> Professional:
    """Make agent-1 with figures that count one raw row."""
    line = CountedPage(raw_page.step, Stage(raw_page.stage), raw_page.page, raw_page.raw_id)
    return replace(PROFESSIONAL, batch_id=raw_page.batch_id, aggregate=aggregate, ledger=(line,))
