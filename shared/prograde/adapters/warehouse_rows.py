"""The warehouse's tables: their columns in BigQuery's types, and the rows that both families write."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prograde.adapters.documents import PARAMETERS, PROFESSIONAL
from prograde.domain.batch import Batch
from prograde.domain.listing import Listing, ListingStatus, Rejection
from prograde.domain.professional import Professional
from prograde.domain.raw_page import RawPage
from prograde.ports import GradedRow, Run

Row = Mapping[str, object]

_LISTING_FIELDS = Listing._fields


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a BigQuery type, and for a RECORD its fields."""

    name: str
    type: str
    fields: tuple["Column", ...] = ()
    is_repeated: bool = False


def _columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_) for name, type_ in types.items())


RECORD_COLUMNS = _columns(
    position="INTEGER",
    key="STRING",
    rejection="STRING",
    status="STRING",
    is_sale="BOOLEAN",
    list_price_cents="INTEGER",
    close_price_cents="INTEGER",
    close_date="DATE",
    list_agent="STRING",
    co_list_agent="STRING",
    buyer_agent="STRING",
    co_buyer_agent="STRING",
)
TABLES: Mapping[str, tuple[Column, ...]] = {
    "raw_page_log": (
        *_columns(
            raw_id="STRING",
            batch_id="STRING",
            professional_id="STRING",
            step="INTEGER",
            stage="STRING",
            page="INTEGER",
            outcome="STRING",
            detail="STRING",
            agent_key="STRING",
            sent_at="TIMESTAMP",
            latency_ms="FLOAT",
            url="STRING",
            status="INTEGER",
            body_sha256="STRING",
            body="STRING",
            body_base64="STRING",
        ),
        Column("headers", "RECORD", _columns(name="STRING", value="STRING"), is_repeated=True),
        Column("records", "RECORD", RECORD_COLUMNS, is_repeated=True),
    ),
    "results": (
        *_columns(
            batch_id="STRING",
            as_of="DATE",
            grading_run="INTEGER",
            professional_id="STRING",
            agent_key="STRING",
            state="STRING",
            stop_reason="STRING",
            volume_is_floor="BOOLEAN",
            half_cents="INTEGER",
            half_sides="INTEGER",
            unpriced_half_sides="INTEGER",
            sold_count="INTEGER",
            sold_cents="INTEGER",
            active_count="INTEGER",
            active_cents="INTEGER",
            first_close="DATE",
            last_close="DATE",
            rejected_records="INTEGER",
            document="STRING",
        ),
        Column(
            "ledger",
            "RECORD",
            _columns(step="INTEGER", stage="STRING", page="INTEGER", raw_id="STRING"),
            is_repeated=True,
        ),
    ),
    "grades": (
        *_columns(
            batch_id="STRING",
            as_of="DATE",
            grading_run="INTEGER",
            professional_id="STRING",
            grade="STRING",
            tier="INTEGER",
        ),
        Column("reasons", "STRING", is_repeated=True),
    ),
    "batches": _columns(at="TIMESTAMP", batch_id="STRING", status="STRING", document="STRING"),
    "runs": _columns(
        batch_id="STRING",
        grading_run="INTEGER",
        source="STRING",
        source_sha256="STRING",
        roster_sha256="STRING",
        parameters="STRING",
        code_version="STRING",
        started_at="TIMESTAMP",
        finished_at="TIMESTAMP",
        professionals="INTEGER",
        raw_pages="INTEGER",
        calls="INTEGER",
        differences="INTEGER",
        export_prefix="STRING",
        export_digest="STRING",
    ),
}


def raw_page_row(raw_page: RawPage) -> Row:
    """Write a raw row with its records as a repeated record."""
    records = [_record_row(position, record) for position, record in enumerate(raw_page.records)]
    return {**raw_page_head(raw_page), "records": records}


def raw_page_head(raw_page: RawPage) -> Row:
    """Write a raw row without its records; a body that is no text is kept as base64."""
    exchange = raw_page.exchange
    try:
        body, body_base64 = exchange.body.decode("utf-8"), None
    except UnicodeDecodeError:
        body, body_base64 = None, b64encode(exchange.body).decode()
    return {
        "raw_id": raw_page.raw_id,
        "batch_id": raw_page.batch_id,
        "professional_id": raw_page.professional_id,
        "step": raw_page.step,
        "stage": raw_page.stage,
        "page": raw_page.page,
        "outcome": raw_page.outcome,
        "detail": raw_page.detail,
        "agent_key": raw_page.agent_key,
        "sent_at": exchange.sent_at,
        "latency_ms": exchange.latency_ms,
        "url": exchange.url,
        "status": exchange.status,
        "body_sha256": exchange.body_sha256,
        "body": body,
        "body_base64": body_base64,
        "headers": [{"name": name, "value": value} for name, value in exchange.headers],
    }


def _record_row(position: int, record: Listing | Rejection) -> Row:
    """Write a record as it was parsed: a listing's fields, or the reason of its rejection."""
    if isinstance(record, Rejection):
        return {"position": position, "key": record.key, "rejection": record.reason}
    return {
        "position": position,
        "key": record.key,
        "status": record.status,
        "is_sale": record.is_sale,
        "list_price_cents": record.list_price_cents,
        "close_price_cents": record.close_price_cents,
        "close_date": record.close_date,
        "list_agent": record.list_agent,
        "co_list_agent": record.co_list_agent,
        "buyer_agent": record.buyer_agent,
        "co_buyer_agent": record.co_buyer_agent,
    }


def record_of(row: Mapping[str, Any]) -> Listing | Rejection:
    """Read a record as `raw_page_row` wrote it."""
    if row["rejection"] is not None:
        return Rejection(row["key"], row["rejection"])
    fields = {name: row[name] for name in _LISTING_FIELDS}
    return Listing(**{**fields, "status": ListingStatus(fields["status"])})


def result_row(batch: Batch, professional: Professional) -> Row:
    """Write a finished professional: what SQL reconciles and orders by, and the whole as a document."""
    aggregate = professional.aggregate
    return {
        "batch_id": batch.batch_id,
        "as_of": batch.parameters.as_of,
        "grading_run": batch.grading_run,
        "professional_id": professional.professional_id,
        "agent_key": professional.agent_key,
        "state": professional.state,
        "stop_reason": professional.stop_reason,
        "volume_is_floor": professional.volume_is_floor,
        "half_cents": aggregate.half_cents,
        "half_sides": aggregate.half_sides,
        "unpriced_half_sides": aggregate.unpriced_half_sides,
        "sold_count": aggregate.sold_count,
        "sold_cents": aggregate.sold_cents,
        "active_count": aggregate.active_count,
        "active_cents": aggregate.active_cents,
        "first_close": aggregate.first_close,
        "last_close": aggregate.last_close,
        "rejected_records": aggregate.rejected_records,
        "document": PROFESSIONAL.write(professional),
        "ledger": [
            {"step": line.step, "stage": line.stage, "page": line.page, "raw_id": line.raw_id}
            for line in professional.ledger
        ],
    }


def grade_row(batch: Batch, graded: GradedRow) -> Row:
    """Write a grade."""
    return {
        "batch_id": batch.batch_id,
        "as_of": batch.parameters.as_of,
        "grading_run": batch.grading_run,
        "professional_id": graded.professional_id,
        "grade": graded.grade,
        "tier": graded.tier,
        "reasons": graded.reasons,
    }


def run_row(run: Run) -> Row:
    """Write a grading run's lineage."""
    return {
        "batch_id": run.batch_id,
        "grading_run": run.grading_run,
        "source": run.source,
        "source_sha256": run.source_sha256,
        "roster_sha256": run.roster_sha256,
        "parameters": PARAMETERS.write(run.parameters),
        "code_version": run.code_version,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "professionals": run.professionals,
        "raw_pages": run.raw_pages,
        "calls": run.calls,
        "differences": run.differences,
        "export_prefix": run.export_prefix,
        "export_digest": run.export_digest,
    }
