"""How a batch stands, in words for people."""

from datetime import datetime, timedelta

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.pace import RateLimit
from prograde.domain.source_health import Outage
from prograde.use_cases.read_batch import Progress

_MEANINGS = {
    BatchStatus.DRAINING: "who is left ends without a call, then what there is is exported",
    BatchStatus.FINALIZING: "checking the figures, grading and writing the export",
}
_INTERVALS = {
    timedelta(seconds=1): "a second",
    timedelta(minutes=1): "a minute",
    timedelta(hours=1): "an hour",
    timedelta(days=1): "a day",
}


def status_text(batch: Batch, *, is_being_worked: bool) -> str:
    """Write a batch's status, and what it means where the word alone does not say; nobody may be working on it."""
    if not (batch.status.is_over or batch.status is BatchStatus.PAUSED or is_being_worked):
        return "interrupted" if batch.status is BatchStatus.RUNNING else f"interrupted while {batch.status}"
    meaning = _MEANINGS.get(batch.status)
    return batch.status if meaning is None else f"{batch.status} ({meaning})"


def counts_text(progress: Progress) -> str:
    """Write how many are done, failed and left; other ends only where there are any."""
    parts = [f"{progress.by_state.get('done', 0)} done", f"{progress.by_state.get('failed', 0)} failed"]
    parts += [
        f"{count} {state.replace('_', ' ')}"
        for state, count in sorted(progress.by_state.items())
        if state not in ("done", "failed")
    ]
    return ", ".join([*parts, f"{progress.open} left"])


def outage_text(outage: Outage) -> str:
    """Write that the source is out."""
    came = f" ({outage.cause})" if outage.cause else ""
    return f"the source answers nobody since {outage.since:%H:%M:%S} UTC{came}, asking every half minute"


def limit_text(limit: RateLimit) -> str:
    """Write a limit, as in "30 calls an hour"."""
    calls = "1 call" if limit.limit == 1 else f"{limit.limit:,} calls"
    return f"{calls} {_INTERVALS.get(limit.interval, f'in {limit.interval}')}"


def waiting_text(until: datetime, now: datetime, why: str) -> str:
    """Write until when it waits, and why."""
    form = "%H:%M:%S" if until.date() == now.date() else "%Y-%m-%d %H:%M"
    return f"waiting until {until:{form}} UTC: {why}"
