"""What a batch learns of its source from one step of a professional."""

from datetime import datetime, timedelta

from prograde.domain.batch import Batch, BatchStatus, gave_up, paused, waking_everybody
from prograde.domain.outcome import (
    Failure,
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Refusal,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.professional import Professional, is_proven
from prograde.domain.source_health import (
    ASKED_MIN,
    ELSEWHERE,
    OUTAGE_FAILURES,
    REFUSED_TO_PAUSE,
    SHARE_AFTER_OUTAGE,
    STRANGERS_MAX,
    UNASKED_MAX,
    Answer,
    Outage,
    Pace,
)
from prograde.replacing import replace


def learned(
    batch: Batch, before: Professional, after: Professional, outcome: Outcome, now: datetime, sent_at: datetime
) -> Batch:
    """
    Note what a step says of the source; the batch itself where it says nothing new.

    Failures of a professional while nobody is answered open an outage, of which that professional is the probe; what
    brings the probe on, or ends it, ends the outage and wakes everybody. A page is an answer, and a search that finds
    nobody; a status that says so is none. An answer tells that the source was well at `sent_at`, when it was asked
    for: it may come long after others have failed.
    """
    if batch.status is not BatchStatus.RUNNING:
        return batch
    if isinstance(outcome, Throttled):
        batch = _paced(batch, batch.pace.slowed(now, _answered_at(batch)))
    match outcome:
        case ProfilePage() | ListingPage() | NotFound():
            answer = Answer(sent_at, before.professional_id)
            return _recovered(_answered(batch, before.stage, answer, now), before, now)
        case Proven(professional_id):
            # What was asked for as a proof is noted however fresh the last answer is.
            return _recovered(_noted(batch, before.stage, Answer(sent_at, professional_id), now), before, now)
        case _ if after.is_final:
            return _recovered(batch, before, now)
        case Refused(Refusal.FORBIDDEN, detail) if before.stage not in batch.answers:
            return _forbidden(batch, after, detail, now)
        case Unproven(professional_id) | Throttled(asked_id=professional_id) if professional_id:
            return _failing(_turned(batch, before, professional_id), before, after, now)
        case Failure() | Refused() | Throttled():
            return _failing(batch, before, after, now)
        case _:
            return batch


def _paced(batch: Batch, pace: Pace) -> Batch:
    return batch if pace is batch.pace else replace(batch, pace=pace)


def _answered(batch: Batch, stage: str, answer: Answer, now: datetime) -> Batch:
    return _noted(batch, stage, answer, now) if answer.is_news(batch.answers.get(stage)) else batch


def _noted(batch: Batch, stage: str, answer: Answer, now: datetime) -> Batch:
    known = batch.answers.get(stage)
    is_outdated = known is not None and answer.at <= known.at <= now
    return batch if is_outdated else replace(batch, answers={**batch.answers, stage: answer})


def _failing(batch: Batch, before: Professional, after: Professional, now: datetime) -> Batch:
    if batch.outage is not None:
        return _patient(batch, after, now)
    # Somebody may have been answered while this call was under way.
    is_answered = is_proven(before.failed_at, batch.answers.get(after.stage), now)
    is_throttled = after.is_throttled and batch.pace.is_out(now, _answered_at(batch))
    if is_answered or not (is_throttled or after.unproven_failures >= OUTAGE_FAILURES):
        return batch
    if after.stage not in batch.answers and not is_throttled:
        if after.unproven_failures == OUTAGE_FAILURES:
            batch = _estranged(batch, after)
        # One broken professional that comes first in a stage must not stop those whom the source answers elsewhere.
        if _is_elsewhere(batch, now) and batch.strangers.get(after.stage, 0) < STRANGERS_MAX:
            return batch
    return replace(batch, outage=Outage(now, after.professional_id, after.due_at, after.last_failure), waking=None)


def _forbidden(batch: Batch, after: Professional, detail: str, now: datetime) -> Batch:
    """Tell, in a stage in which nobody was ever answered, one who is refused from credentials that are."""
    if after.unproven_failures == 1:
        batch = _estranged(batch, after)
    is_alone = after.unproven_failures >= OUTAGE_FAILURES and not _is_elsewhere(batch, now)
    return (
        denied(batch, forbidden_to_all(detail))
        if is_alone or batch.strangers.get(after.stage, 0) >= STRANGERS_MAX
        else batch
    )


def _refused_to_all(after: Professional) -> str:
    """Say that nobody was ever answered, and what that may be."""
    return (
        f"the source refuses everybody the {after.stage} stage, and never answered it: {after.last_failure}; "
        "start a new batch with a mended source file, or resume this one when the source is back"
    )


def forbidden_to_all(detail: str) -> str:
    """Say of a 403 that it is not one professional's, and what to do about it."""
    return f"{detail}, whoever is asked for; give the credentials that right, then resume the batch"


def denied(batch: Batch, detail: str) -> Batch:
    """Pause the batch: nobody's page can succeed until the credentials are mended, and nobody shall pay for it."""
    return paused(batch, f"the source refuses the credentials: {detail}")


def _estranged(batch: Batch, after: Professional) -> Batch:
    """Count who is left without an answer in a stage in which nobody was ever answered."""
    return replace(batch, strangers={**batch.strangers, after.stage: batch.strangers.get(after.stage, 0) + 1})


def _answered_at(batch: Batch) -> datetime | None:
    """Tell when anybody was answered last, in any stage."""
    return max((answer.at for answer in batch.answers.values()), default=None)


def _is_elsewhere(batch: Batch, now: datetime) -> bool:
    return any(timedelta() <= now - answer.at < ELSEWHERE for answer in batch.answers.values())


def _turned(batch: Batch, before: Professional, asked_id: str) -> Batch:
    """Note whose turn it was to be asked for by the probe; who was answered last is asked for out of turn."""
    known, outage = batch.answers.get(before.stage), batch.outage
    is_turn = outage is not None and outage.probe_id == before.professional_id
    if outage is None or not is_turn or (known is not None and known.professional_id == asked_id):
        return batch
    return replace(batch, outage=replace(outage, turn_id=asked_id))


def _patient(batch: Batch, after: Professional, now: datetime) -> Batch:
    """
    Give up on the source if its outage has lasted longer than the patience and the probe came in vain once more.

    Where nobody was ever answered, refusals are a mistake in the source file more often than an outage: that waits
    for somebody to look.
    """
    outage = batch.outage
    if outage is None or outage.probe_id != after.professional_id:
        return batch
    is_mistaken = after.is_refused and after.stage not in batch.answers
    if is_mistaken and after.unproven_failures >= REFUSED_TO_PAUSE:
        return paused(batch, _refused_to_all(after))
    patience = timedelta(minutes=batch.parameters.outage_patience_minutes)
    late, since = now - outage.next_at, outage.since
    if late >= UNASKED_MAX or now < since:
        # Of our silence little counts; what was waited before it does: the probe may wait for the next day's calls.
        since = now - (outage.next_at - since + max(timedelta(), min(late, patience / ASKED_MIN)))
    if now - since < patience:
        return replace(batch, outage=replace(outage, since=since, next_at=after.due_at))
    reason = f"the source answered nobody since {outage.since:%Y-%m-%d %H:%M:%S} UTC: {outage.cause}"
    return gave_up(batch, reason, now)


def _recovered(batch: Batch, before: Professional, now: datetime) -> Batch:
    """End an outage whose probe came on: slowly at first, with everybody woken."""
    if batch.outage is None or batch.outage.probe_id != before.professional_id:
        return batch
    return waking_everybody(replace(batch, outage=None, pace=Pace(SHARE_AFTER_OUTAGE, now)), now)
