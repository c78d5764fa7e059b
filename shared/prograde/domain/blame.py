"""
Whose a failure is: a professional's own only if the source answered others since the one before.

What is nobody's yet, by all that is known, is *unproven*: it decides nothing, and leads to a proof or to an outage.
Failures, refusals and throttled answers differ in how many of their own a professional may have, and in the wait; one
who meets them by turns is given up for all of them together.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

from prograde.domain.batch import Parameters
from prograde.domain.outcome import Failure, Refusal, Refused, Throttled
from prograde.domain.professional import THROTTLED, Professional, Stage, State, StopReason, is_proven, stopped
from prograde.domain.source_health import ANSWER_EVERY, WAIT_SECONDS_MAX, Answer
from prograde.replacing import replace

BACKOFF_SECONDS_BASE = 1.0
BACKOFF_SECONDS_MAX = 60.0
PROBE_SECONDS_MAX = 30.0
"""How long a source that may be out is left alone at most."""
TROUBLES_LIMIT = 30
"""So often in a row one professional meets trouble of any kinds, while others are answered, before it is given up."""


def failed(
    here: Professional, failure: Failure, parameters: Parameters, now: datetime, answer: Answer | None
) -> Professional:
    """Count a failure against the professional if it is its own; a first one counts too, but decides nothing."""
    is_own = is_proven(here.failed_at, answer, now)
    troubles = _troubles(here, is_own=is_own)
    said = f"{failure.cause}: {failure.detail}"
    known = replace(here, last_failure=said, troubles_in_a_row=troubles, failed_at=now)
    if failure.is_terminal:
        return stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)
    if not is_own and not _is_first(here, here.failures_in_a_row):
        return unproven(known, now)
    in_a_row = here.failures_in_a_row + 1
    counted = replace(known, failures_in_a_row=in_a_row, unproven_failures=0)
    is_at_limit = here.failures_in_a_row > 0 and in_a_row >= parameters.failure_limit
    if is_own and (is_at_limit or troubles >= _troubles_limit(parameters)):
        return stopped(counted, State.FAILED, StopReason.FAILURE_LIMIT, is_floor=True)
    return replace(counted, due_at=now + timedelta(seconds=backoff_seconds(here, in_a_row)))


def refused(
    here: Professional, outcome: Refused, parameters: Parameters, now: datetime, answer: Answer | None
) -> Professional:
    """
    End a professional whom the source refuses twice in one way, having answered others in between.

    Only a profile may be missing: a listing path that does not exist is a mistake to see, not an empty history.
    """
    # Refused in another way is refused for the first time: one of the two may be a gateway's.
    refused_at = here.refused_at if here.failure_cause == outcome.kind else None
    is_own = is_proven(here.failed_at, answer, now)
    troubles = _troubles(here, is_own=is_own)
    known = replace(here, last_failure=f"{outcome.kind}: {outcome.detail}", troubles_in_a_row=troubles)
    if not is_proven(refused_at, answer, now):
        if is_own and troubles >= _troubles_limit(parameters):
            return stopped(known, State.FAILED, StopReason.FAILURE_LIMIT, is_floor=True)
        # Others' answers are noted now and then: by then one is, and no call need be made for a proof.
        wait = ANSWER_EVERY if refused_at is None else timedelta()
        return unproven(replace(known, refused_at=refused_at or now), now, wait)
    if outcome.kind is Refusal.NOT_FOUND and here.stage is Stage.PROFILE:
        return stopped(known, State.NOT_FOUND, StopReason.NOT_FOUND)
    return stopped(known, State.FAILED, StopReason.TERMINAL_FAILURE, is_floor=True)


def throttled(
    here: Professional, outcome: Throttled, parameters: Parameters, now: datetime, answer: Answer | None
) -> Professional:
    """Wait as asked, or back off; the failure budget is untouched: the source is well, it is we who are too quick."""
    is_own = is_proven(here.failed_at, answer, now)
    known = replace(here, failed_at=now, last_failure=f"{THROTTLED}: the source asks to wait")
    troubles = _troubles(here, is_own=is_own)
    if troubles > here.troubles_in_a_row:
        known = replace(known, troubles_in_a_row=troubles, unproven_failures=0)
    else:
        known = replace(known, unproven_failures=here.unproven_failures + 1)
    if is_own and troubles >= _troubles_limit(parameters):
        return stopped(known, State.FAILED, StopReason.FAILURE_LIMIT, is_floor=True)
    backoff = backoff_seconds(here, troubles + known.unproven_failures)
    wait = max(backoff, min(outcome.wait_seconds or 0.0, WAIT_SECONDS_MAX))
    return replace(known, due_at=now + timedelta(seconds=wait))


def unproven(here: Professional, now: datetime, wait: timedelta = timedelta()) -> Professional:
    """Take note of a failure of which nobody knows whose it is: the own page's, or that of a page for a proof."""
    count = here.unproven_failures + 1
    backoff = min(PROBE_SECONDS_MAX, backoff_seconds(here, here.failures_in_a_row + count))
    return replace(here, unproven_failures=count, failed_at=now, due_at=now + wait + timedelta(seconds=backoff))


def backoff_seconds(here: Professional, in_a_row: int) -> float:
    """Back off exponentially with full jitter, the jitter drawn from a seeded hash so that a run can be replayed."""
    bound = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_BASE * 2.0 ** min(in_a_row - 1, 30))
    seed = f"{here.batch_id}/{here.professional_id}/{here.step}".encode()
    jitter = int.from_bytes(blake2b(seed, digest_size=4).digest()) / 2**32
    return jitter * bound


def _troubles_limit(parameters: Parameters) -> int:
    """Tell at how many troubles of any kinds one professional is given up: never before its failures alone would."""
    return max(TROUBLES_LIMIT, parameters.failure_limit)


def _troubles(here: Professional, *, is_own: bool) -> int:
    """Count one more trouble if it is the professional's own, or the first: kinds that take turns are one row."""
    return here.troubles_in_a_row + (is_own or _is_first(here, here.troubles_in_a_row))


def _is_first(here: Professional, in_a_row: int) -> bool:
    return in_a_row == 0 and here.unproven_failures == 0
