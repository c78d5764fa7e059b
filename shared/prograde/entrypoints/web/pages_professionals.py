"""The pages of a batch's professionals: the ranked list, the search, and one with its whole story."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import flask

from prograde.domain.batch import Batch
from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.domain.professional import Professional, State
from prograde.entrypoints.web.rendering import HTML, rendered
from prograde.entrypoints.web.route import Call, Route
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import Caller
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.read_export import Export, Row, file_of, latest_export, read_rows
from prograde.use_cases.read_professional import find_professionals, read_professional, read_story
from prograde.use_cases.services import Services

SHOWN = 50
QUERY_LENGTH_MAX = 200
ANSWERED_AT_ONCE_MAX = 2_000
"""Professionals of a batch up to which the answers are shown unasked: all of its raw rows are looked through."""


@dataclass(frozen=True, slots=True)
class Person:
    """A line of the list."""

    professional_id: str
    rank: str
    grade: str
    name: str
    city: str
    volume: str
    sides: str
    outcome: str


def professionals_page(call: Call, batch_id: str) -> flask.Response:
    """Show the ranked professionals of a grade or of all, or those whom a search finds."""
    services, asked = call.services, call.request.args
    batch = read_batch(services.store, batch_id)
    query, grade = asked.get("q", "").strip()[:QUERY_LENGTH_MAX], asked.get("grade", "")
    after, from_id = _offset(asked.get("after", "")), "" if grade else asked.get("from", "")[:KEY_LENGTH_MAX]
    export = _latest(services, batch)
    found: list[Person] = []
    more, next_id = None, ""
    if export is not None and not from_id:
        page = read_rows(services.blobs, export, file_of(batch, grade or None), after, SHOWN, query)
        found += map(_published, page.rows)
        more = page.next
    if after == 0 and not grade and (query or export is None):
        stored = find_professionals(services.store, batch_id, query, SHOWN + 1, from_id)
        next_id = stored[SHOWN].professional_id if len(stored) > SHOWN else ""
        known = {person.professional_id for person in found}
        # Who is done and not on this page is on one that follows, with a rank.
        found += [
            _stored(batch, each)
            for each in stored[:SHOWN]
            if each.professional_id not in known and (more is None or each.state is not State.DONE)
        ]
    return rendered(
        "professionals.html",
        {
            "batch": batch,
            "people": found,
            "query": query,
            "grade": grade,
            "grades": [tier.name for tier in batch.parameters.rubric.tiers],
            "export": export,
            "first": _asked(q=query, grade=grade),
            "more": "" if more is None else _asked(q=query, grade=grade, after=str(more)),
            "more_by_id": _asked(q=query, **{"from": next_id}) if next_id else "",
            "is_later": after > 0 or bool(from_id),
        },
    )


def _asked(**values: str) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def _offset(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 12:  # noqa: PLR2004  # a terabyte
        raise InputError([Problem("after", text[:80], "must be one that a page linked to")])
    return int(text)


def _latest(services: Services, batch: Batch) -> Export | None:
    try:
        return latest_export(services.blobs, batch)
    except NotFoundError:
        return None


def _stored(batch: Batch, professional: Professional) -> Person:
    profile, figures = professional.profile, professional.aggregate
    grade = ""
    if professional.state is State.DONE:
        grade = batch.parameters.rubric.grade(figures, batch.parameters.as_of).name
    return Person(
        professional.professional_id,
        "",
        grade,
        "" if profile is None else profile.full_name,
        "" if profile is None else profile.city,
        f"{'≥ ' if professional.volume_is_floor else ''}{figures.half_cents // 200:,}",
        f"{figures.half_sides / 2:g}",
        professional.state,
    )


def _published(row: Row) -> Person:
    cells = {name: cell.removeprefix("'") for name, cell in row.cells.items()}
    return Person(
        cells["professional_id"],
        cells["rank"],
        cells["grade"],
        cells["full_name"],
        cells["city"],
        f"{'≥ ' if cells['volume_is_floor'] == 'yes' else ''}{int(cells['volume'].partition('.')[0]):,}",
        cells["sides"],
        cells["outcome"],
    )


def professional_page(call: Call, batch_id: str, professional_id: str) -> flask.Response:
    """Show how a grade came about; the answers too where asked for, or where that is quick."""
    services = call.services
    batch = read_batch(services.store, batch_id)
    with_answers = "answers" in call.request.args or batch.roster.professionals <= ANSWERED_AT_ONCE_MAX
    professional = read_professional(services.store, batch_id, professional_id)
    story = read_story(services, batch_id, professional_id) if with_answers else None
    is_done = professional.state is State.DONE
    rubric, parameters = batch.parameters.rubric, batch.parameters
    return rendered(
        "professional.html",
        {
            "batch": batch,
            "professional": professional,
            "figures": professional.aggregate,
            "profile": professional.profile,
            "grade": rubric.grade(professional.aggregate, parameters.as_of) if is_done else None,
            "story": story,
            "additions": {} if story is None else story.additions(),
            "runs": list(_stages(professional)),
        },
    )


def _stages(professional: Professional) -> Iterator[tuple[str, int]]:
    """Count the pages of each stage that were counted."""
    counts: dict[str, int] = {}
    for line in professional.ledger:
        counts[line.stage] = counts.get(line.stage, 0) + 1
    return iter(counts.items())


ROUTES = (
    Route("GET", "/batches/<batch:batch_id>/professionals", Caller.PEOPLE, professionals_page, gives=(HTML,)),
    Route(
        "GET",
        "/batches/<batch:batch_id>/professionals/<professional:professional_id>",
        Caller.PEOPLE,
        professional_page,
        gives=(HTML,),
    ),
)
