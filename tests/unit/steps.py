"""Steps of the state machine: where professionals stand, what a source may answer, and how they go on from there."""

from dataclasses import replace
from datetime import datetime

from prograde.domain.advancing import advance
from prograde.domain.batch import Parameters
from prograde.domain.listing import Listing, Rejection
from prograde.domain.outcome import Failure, ListingPage, Outcome, Refusal, Refused
from prograde.domain.professional import Professional, Stage
from prograde.domain.source_health import Answer
from tests.unit.examples import NEWCOMER, NOW, PARAMETERS, SELLER

LISTER = replace(SELLER, stage=Stage.ACTIVE, step=1)
PEOPLE = {Stage.PROFILE: NEWCOMER, Stage.ACTIVE: LISTER, Stage.HISTORICAL: SELLER}

MORE = ListingPage((), next_cursor="next")
LAST = ListingPage((), next_cursor=None)
TIMEOUT = Failure("timeout", "no answer in 30 s")
BROKEN = Failure("paginator_loop", "the page leads to itself", is_terminal=True)
REFUSED = Refused(Refusal.CLIENT_ERROR, "status 400: the query is refused")


def after(
    professional: Professional,
    *outcomes: Outcome,
    parameters: Parameters = PARAMETERS,
    now: datetime = NOW,
    answer: Answer | None = None,
) -> Professional:
    for outcome in outcomes:
        professional = advance(professional, outcome, parameters, now, f"raw-{professional.step}", answer)
    return professional


def newest_first(*records: Listing | Rejection, next_cursor: str | None = "next") -> ListingPage:
    return ListingPage(records, next_cursor, is_newest_first=True)
