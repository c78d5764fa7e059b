"""Dead letters over the HTTP API: list, look at the evidence, replay, discard."""

from itertools import islice
from typing import Annotated

import flask
from pydantic import BaseModel, ConfigDict, Field

from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.entrypoints.web.answers import current_answer, json_answer
from prograde.entrypoints.web.reading import Paging, Query, read_json, read_query
from prograde.entrypoints.web.route import JSON, Call, Route
from prograde.entrypoints.web.shapes import (
    CallMade,
    DeadLetter,
    DeadLetterEvidence,
    DeadLetterList,
    Discarded,
    Replayed,
)
from prograde.errors import InputError, Problem
from prograde.ports import Caller
from prograde.use_cases import dead_letters as letters

CHOSEN_MAX = 5_000
"""Dead letters that one request replays or discards: it has to end within a request's time."""


class LetterPaging(Paging):
    """Which dead letters."""

    cause: Annotated[str | None, Field(max_length=100, description="only those that failed for this cause")] = None
    discarded: Annotated[bool, Field(description="those that were discarded instead")] = False


class Choice(BaseModel):
    """Which dead letters are meant: by id, all of a cause, or all."""

    model_config = ConfigDict(extra="forbid", strict=True)

    professional_ids: (
        Annotated[list[Annotated[str, Field(max_length=KEY_LENGTH_MAX)]], Field(min_length=1, max_length=CHOSEN_MAX)]
        | None
    ) = None
    cause: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    all: bool = False


def list_letters(call: Call, batch_id: str) -> flask.Response:
    """List a batch's dead letters by id."""
    paging = read_query(call.request, LetterPaging)
    page = letters.dead_letter_page(
        call.services.store,
        batch_id,
        paging.cursor,
        paging.limit,
        paging.cause,
        is_discarded=paging.discarded,
    )
    return current_answer(call.request, DeadLetterList([DeadLetter.of(letter) for letter in page.letters], page.next))


def show_letter(call: Call, batch_id: str, professional_id: str) -> flask.Response:
    """Show a dead letter with its evidence: what was asked, and what came back."""
    read_query(call.request, Query)
    letter, attempts = letters.evidence(call.services, batch_id, professional_id)
    shown = DeadLetterEvidence(DeadLetter.of(letter), [CallMade.of(attempt, letter) for attempt in attempts])
    return current_answer(call.request, shown)


def replay_letters(call: Call, batch_id: str) -> flask.Response:
    """Ask again for professionals that failed; a finished batch runs on, to a new export beside the old one."""
    chosen, has_more = _chosen(call, batch_id)
    batch = letters.replay(call.services, batch_id, chosen)
    return json_answer(Replayed(batch_id, batch.status, len(chosen), has_more))


def discard_letters(call: Call, batch_id: str) -> flask.Response:
    """Take dead letters off the list: they were looked at, and their professionals stay failed."""
    chosen, has_more = _chosen(call, batch_id)
    return json_answer(Discarded(letters.discard(call.services, batch_id, chosen), has_more))


def _chosen(call: Call, batch_id: str) -> tuple[list[str], bool]:
    """Find the ids that are meant, and whether there are more than one request takes."""
    read_query(call.request, Query)
    choice = read_json(call.request, Choice)
    ways = {
        "professional_ids": choice.professional_ids is not None,
        "cause": choice.cause is not None,
        "all": choice.all,
    }
    said = [way for way, is_said in ways.items() if is_said]
    if not said:
        raise InputError([Problem("body", None, "say which: professional_ids, a cause, or all")])
    if len(said) > 1:
        raise InputError(Problem(way, None, f"one of these only: {', '.join(said)}") for way in said)
    if choice.professional_ids is not None:
        return choice.professional_ids, False
    found = letters.dead_letters(call.services.store, batch_id, choice.cause)
    chosen = [letter.professional_id for letter in islice(found, CHOSEN_MAX + 1)]
    return chosen[:CHOSEN_MAX], len(chosen) > CHOSEN_MAX


_LETTERS = "/v1/batches/<batch:batch_id>/dead-letters"

ROUTES = (
    Route("GET", _LETTERS, Caller.PEOPLE, list_letters),
    Route("GET", f"{_LETTERS}/<professional:professional_id>", Caller.PEOPLE, show_letter),
    # Not below the letters: a professional may be called "replay".
    Route("POST", "/v1/batches/<batch:batch_id>/replay", Caller.PEOPLE, replay_letters, takes=JSON),
    Route("POST", "/v1/batches/<batch:batch_id>/discard", Caller.PEOPLE, discard_letters, takes=JSON),
)
