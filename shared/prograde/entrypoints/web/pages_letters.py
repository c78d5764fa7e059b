"""The page of a batch's dead letters, and the form that replays or discards them."""

from collections.abc import Mapping
from itertools import islice
from urllib.parse import urlencode

import flask

from prograde.entrypoints.web.pages_batches import SAID
from prograde.entrypoints.web.rendering import HTML, rendered, see_other
from prograde.entrypoints.web.route import FORM, Call, Route
from prograde.errors import InputError, Problem
from prograde.ports import Caller
from prograde.use_cases import dead_letters as letters
from prograde.use_cases.read_batch import read_progress

LETTERS_SHOWN = 20
ALL_MAX = 5_000
"""Dead letters that one press of a button replays or discards; the next press takes the next."""


def letters_page(call: Call, batch_id: str) -> flask.Response:
    """Show dead letters, of one cause or of all."""
    return _list(call, batch_id, call.request.args)


def _list(call: Call, batch_id: str, asked: Mapping[str, str], mistake: str = "") -> flask.Response:
    """Show the page of the list that is asked for; with a mistake, say so above it."""
    cause, is_discarded, after = asked.get("cause", ""), asked.get("discarded", "") == "1", asked.get("after", "")
    progress = read_progress(call.services.store, batch_id)
    page = letters.dead_letter_page(
        call.services.store,
        batch_id,
        after,
        LETTERS_SHOWN,
        cause or None,
        is_discarded=is_discarded,
    )
    more = {"cause": cause, "discarded": "1" if is_discarded else "", "after": page.next or ""}
    return rendered(
        "letters.html",
        {
            "batch": progress.batch,
            "letters": page.letters,
            # Without their numbers: those count who was discarded too, and the list does not show them.
            "causes": sorted(progress.by_cause, key=lambda name: (-progress.by_cause[name], name)),
            "cause": cause,
            "is_discarded": is_discarded,
            "more": "" if page.next is None else urlencode({key: value for key, value in more.items() if value}),
            "after": after,
            "all_max": ALL_MAX,
            "said": SAID.get(asked.get("said", ""), ""),
            "mistake": mistake,
        },
        400 if mistake else 200,
    )


def sort_letters(call: Call, batch_id: str) -> flask.Response:
    """Replay or discard the chosen ones, or all of a cause; with nobody chosen, the list stays."""
    form = call.request.form
    verb, _, whom = form.get("do", "").partition(" ")
    ids = form.getlist("id")
    if whom == "all":
        found = letters.dead_letters(call.services.store, batch_id, form.get("cause") or None)
        ids = [letter.professional_id for letter in islice(found, ALL_MAX)]
    if not ids:
        nobody = "Nobody of these waits any more" if whom == "all" else "Tick the professionals that are meant"
        return _list(call, batch_id, form, nobody)
    match verb:
        case "replay":
            letters.replay(call.services, batch_id, ids)
            return see_other(f"/batches/{batch_id}?said=replayed")
        case "discard":
            letters.discard(call.services, batch_id, ids)
            return see_other(f"/batches/{batch_id}/dead-letters?said=discarded")
        case _:
            raise InputError([Problem("do", verb[:80], "must be replay or discard")])


ROUTES = (
    Route("GET", "/batches/<batch:batch_id>/dead-letters", Caller.PEOPLE, letters_page, gives=(HTML,)),
    Route("POST", "/batches/<batch:batch_id>/dead-letters", Caller.PEOPLE, sort_letters, takes=FORM, gives=(HTML,)),
)
