"""The raw row: everything that one call to the source asked and got, kept before it is counted."""

from dataclasses import dataclass
from datetime import datetime

from prograde.domain.effects import digest
from prograde.domain.listing import Listing, Rejection
from prograde.domain.outcome import Denied, Failure, ListingPage, Outcome, Refused, Throttled


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One call as it went over the wire.

    `url` has secrets removed; `status` is 0 when no answer came; `headers` are those that bear on paging, pace and
    caching; `body` is the decoded answer as far as it was read.
    """

    sent_at: datetime
    latency_ms: float
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_sha256: str


@dataclass(frozen=True, slots=True)
class RawPage:
    """
    One row a call, failures too.

    `raw_id` is derived from what was asked and answered, so a row inserted twice is the same row. `detail` says why
    the answer was no page, "" where it was one.
    """

    raw_id: str
    batch_id: str
    professional_id: str
    step: int
    stage: str
    page: int
    outcome: str
    detail: str
    agent_key: str
    exchange: Exchange
    records: tuple[Listing | Rejection, ...]


def raw_page_id(batch_id: str, professional_id: str, step: int, exchange: Exchange, proof_of: str = "") -> str:
    """
    Derive a raw row's id from its step and the answer: status, relevant headers and body.

    `proof_of` names who else was asked for as a proof: the same bytes may answer the own page at the same step.
    """
    about = (batch_id, professional_id, step, exchange.status, exchange.headers, exchange.body_sha256)
    return digest(*about, proof_of) if proof_of else digest(*about)


def page_records(outcome: Outcome) -> tuple[Listing | Rejection, ...]:
    """List the parsed records of an outcome, in their order; none unless it is a page of listings."""
    return outcome.records if isinstance(outcome, ListingPage) else ()


def outcome_detail(outcome: Outcome) -> str:
    """Say in a line what is known of an answer that was no page, its cause first; "" for one that was."""
    match outcome:
        case Failure(cause, detail):
            return f"{cause}: {detail}"
        case Refused(kind, detail):
            return f"{kind}: {detail}"
        case Denied(detail):
            return detail
        case Throttled(None):
            return "asks for fewer calls"
        case Throttled(wait_seconds):
            return f"asks to wait {wait_seconds:g} s"
        case _:
            return ""
