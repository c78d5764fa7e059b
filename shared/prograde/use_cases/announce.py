"""
What people should hear of, as log lines: `event` says what, `batch_id` of which batch.

Someone is called for what ALERTS names (infra/terraform/monitoring.tf); docs/operations.md says what to do then.
"""

import logging
from datetime import datetime
from enum import StrEnum

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.professional import State
from prograde.use_cases.services import Services

LETTERS_SHARE_MAX = 0.01
"""The share of a roster that may be given up before somebody should look."""
_LEVELS = {BatchStatus.PAUSED: logging.WARNING, BatchStatus.INCOMPLETE: logging.ERROR}

_log = logging.getLogger(__name__)


class Event(StrEnum):
    """What is announced beside the batch's statuses, each of which is `batch_STATUS`."""

    BATCH_LATE = "batch_late"
    CIRCUIT_OPEN = "circuit_open"
    CORRUPTION = "corruption"
    DEAD_LETTERS = "dead_letters"


ALERTS = frozenset({f"batch_{BatchStatus.PAUSED}", f"batch_{BatchStatus.INCOMPLETE}", *Event})


def announce_status(services: Services, batch: Batch, at: datetime) -> None:
    """Tell the log and the warehouse which status a batch has come to; twice does no harm."""
    level = _LEVELS.get(batch.status, logging.INFO)
    _log.log(level, "the batch is %s", batch.status, extra=_facts(f"batch_{batch.status}", batch))
    services.warehouse.append_batch(batch, at)


def announce_conditions(services: Services, batch: Batch, at: datetime) -> None:
    """
    Tell the log what is not well with a batch; asked again and again, it says so for as long as it lasts.

    The warehouse is told of a pause as often: whoever paused the batch may have failed to, and no other step does.
    """
    if batch.status is BatchStatus.PAUSED:
        services.warehouse.append_batch(batch, at)
    if batch.is_late(at):
        promised = batch.parameters.promised_hours
        hours = "1 hour" if promised == 1 else f"{promised} hours"
        _log.warning("the batch takes longer than %s", hours, extra=_facts(Event.BATCH_LATE, batch))
    if batch.outage is not None:
        since = batch.outage.since.isoformat()
        _log.warning(
            "the source answers nobody since %s: %s", since, batch.outage.cause, extra=_facts(Event.CIRCUIT_OPEN, batch)
        )
    announce_losses(services, batch)


def announce_losses(services: Services, batch: Batch) -> None:
    """Tell the log when more professionals have failed than a batch may lose."""
    counters = services.store.counters(batch.batch_id)
    failed = sum(counter.by_state.get(State.FAILED, 0) for counter in counters)
    everybody = batch.roster.professionals
    if failed > LETTERS_SHARE_MAX * everybody:
        facts = _facts(Event.DEAD_LETTERS, batch) | {"failed": failed, "professionals": everybody}
        _log.warning("%s of %s professionals were given up", failed, everybody, extra=facts)


def _facts(event: str, batch: Batch) -> dict[str, object]:
    return {
        "event": str(event),
        "batch_id": batch.batch_id,
        "source": batch.source,
        "reason": batch.reason,
        "grading_run": batch.grading_run,
    }
