"""The pages of all batches and of one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask

from prograde.domain.batch import Batch
from prograde.entrypoints.web.batch_view import batch_view, is_comparable, took
from prograde.entrypoints.web.charts import Part, grade_look, stacked
from prograde.entrypoints.web.reading import read_place, write_place
from prograde.entrypoints.web.rendering import HTML, number, rendered, see_other
from prograde.entrypoints.web.route import Call, Route
from prograde.errors import InputError, Problem
from prograde.ports import Caller
from prograde.use_cases import steer
from prograde.use_cases.read_batch import read_batches, read_progress
from prograde.use_cases.services import Services

BATCHES_SHOWN = 25
SAID = {
    "started": "The batch has been started.",
    "replayed": "Their dead letters are open again: the batch goes on, to a new export beside the old one.",
    "discarded": "Discarded: they stay failed, and are off the list.",
}
"""What a page says after a form did its work; the address carries the key alone."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A line of the history; figures are None while the batch is not over, and so is what there is no previous of."""

    batch: Batch
    took: timedelta
    graded: int | None
    graded_more: int | None
    failed: int | None
    mix: tuple[Part, ...]
    mix_text: str


def batches_page(call: Call) -> flask.Response:
    """Show the batches, newest first: one read each."""
    after = call.request.args.get("after", "")
    page = read_batches(call.services.store, read_place(after), BATCHES_SHOWN)
    now = call.services.clock.now()
    rows = [_row(batch, page.batches[index + 1 :], now) for index, batch in enumerate(page.batches)]
    return rendered("batches.html", {"rows": rows, "older": write_place(page.next), "is_later": bool(after)})


def _row(batch: Batch, older: tuple[Batch, ...], now: datetime) -> BatchRow:
    """Sum a batch up; the previous one of its source is looked for on the same page."""
    totals = batch.totals
    if totals is None:
        return BatchRow(batch, took(batch, now), None, None, None, (), "")
    tiers = batch.parameters.rubric.tiers
    counts = [
        (tier.name, grade_look(index, len(tiers)), totals.by_grade.get(tier.name, 0))
        for index, tier in enumerate(tiers)
    ]
    graded = sum(count for _, _, count in counts)
    before = next((each.totals for each in older if is_comparable(each, batch)), None)
    return BatchRow(
        batch=batch,
        took=took(batch, now),
        graded=graded,
        graded_more=None if before is None else graded - sum(before.by_grade.values()),
        failed=totals.by_state.get("failed", 0),
        mix=stacked(counts, graded),
        mix_text=", ".join(f"{name}: {number(count)}" for name, _, count in counts),
    )


def batch_page(call: Call, batch_id: str) -> flask.Response:
    """Show a batch: its document, its counters, and a bounded number of others; never a professional."""
    progress = read_progress(call.services.store, batch_id)
    view = batch_view(call.services, progress, _run(call.request.args.get("run", "")))
    response = rendered("batch.html", {"view": view, "said": SAID.get(call.request.args.get("said", ""), "")})
    response.make_conditional(call.request)
    return response


def _run(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4 or text == "0":  # noqa: PLR2004  # nobody grades ten thousand times
        raise InputError([Problem("run", text[:80], "must be the number of a grading run")])
    return int(text)


def _steering(change: Callable[[Services, str], Batch]) -> Callable[[Call, str], flask.Response]:
    def handler(call: Call, batch_id: str) -> flask.Response:
        change(call.services, batch_id)
        return see_other(f"/batches/{batch_id}")

    return handler


ROUTES = (
    Route("GET", "/", Caller.PEOPLE, batches_page, gives=(HTML,)),
    Route("GET", "/batches/<batch:batch_id>", Caller.PEOPLE, batch_page, gives=(HTML,)),
    Route(
        "POST",
        "/batches/<batch:batch_id>/pause",
        Caller.PEOPLE,
        _steering(lambda services, batch_id: steer.pause_batch(services, batch_id, "paused by hand")),
        gives=(HTML,),
    ),
    Route("POST", "/batches/<batch:batch_id>/resume", Caller.PEOPLE, _steering(steer.resume_batch), gives=(HTML,)),
    Route("POST", "/batches/<batch:batch_id>/cancel", Caller.PEOPLE, _steering(steer.cancel_batch), gives=(HTML,)),
)
