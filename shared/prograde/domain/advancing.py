"""The state machine of one professional: `advance(professional, outcome) -> professional'`, a pure function."""

from datetime import datetime

from prograde.domain.batch import Parameters
from prograde.domain.blame import failed, refused, throttled, unproven
from prograde.domain.outcome import (
    Cancelled,
    Denied,
    Failure,
    GivenUp,
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.paging import counted, overfull, paged, profiled
from prograde.domain.professional import Professional, Stage, State, StopReason, stopped
from prograde.domain.source_health import Answer
from prograde.replacing import replace


def advance(
    professional: Professional,
    outcome: Outcome,
    parameters: Parameters,
    now: datetime,
    raw_id: str = "",
    answer: Answer | None = None,
) -> Professional:
    """
    Take one step: what the professional becomes when its expected page brought `outcome`.

    `raw_id` names the raw row behind a page; it enters the ledger when the page is counted. `answer` is the last that
    the source had given to anybody in this stage when the page was asked for. Denied changes nothing: bad credentials
    are the batch's business, and no professional pays for them. Nothing changes a final state.
    """
    if professional.is_final or isinstance(outcome, Denied):
        return professional
    # Without a raw row there was no call: a page given up because its handler died costs none.
    calls = professional.calls + bool(raw_id)
    here = replace(professional, step=professional.step + 1, due_at=now, calls=calls, deaths=0)
    match outcome:
        case Cancelled() | GivenUp():
            return _drained(here, outcome)
        case ProfilePage():
            return profiled(counted(here, professional, raw_id), outcome.profile, parameters)
        case ListingPage():
            added = paged(counted(here, professional, raw_id), outcome, parameters)
            return overfull(here) if added.aggregate.is_overfull else added
        case NotFound():
            assert here.stage is Stage.PROFILE, "nobody is looked for in the other stages"
            unknown = replace(here, last_failure="not_found: the source does not know the professional")
            return stopped(unknown, State.NOT_FOUND, StopReason.NOT_FOUND)
        case Proven():
            return replace(here, unproven_failures=0)
        case Unproven():
            return unproven(here, now)
        case _:
            return _failed(here, outcome, parameters, now, answer)


def _failed(
    here: Professional,
    outcome: Failure | Refused | Throttled,
    parameters: Parameters,
    now: datetime,
    answer: Answer | None,
) -> Professional:
    match outcome:
        case Throttled():
            return throttled(here, outcome, parameters, now, answer)
        case Refused():
            return refused(here, outcome, parameters, now, answer)
        case Failure():
            return failed(here, outcome, parameters, now, answer)


def _drained(here: Professional, outcome: Cancelled | GivenUp) -> Professional:
    """End without a call."""
    if isinstance(outcome, Cancelled):
        return stopped(here, State.CANCELLED, StopReason.CANCELLED, is_floor=True)
    given_up = replace(
        here, last_failure=f"{StopReason.SOURCE_OUTAGE}: the source answered nobody for longer than the patience"
    )
    return stopped(given_up, State.FAILED, StopReason.SOURCE_OUTAGE, is_floor=True)
