"""Batches over the HTTP API: start, list, look at, steer."""

import os
from collections.abc import Callable

import flask

from prograde.domain.batch import Batch
from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.web.answers import current_answer, json_answer
from prograde.entrypoints.web.reading import (
    Paging,
    Query,
    idempotency_key,
    read_json,
    read_place,
    read_query,
    write_place,
)
from prograde.entrypoints.web.route import JSON, UPLOAD, Call, Route
from prograde.entrypoints.web.shapes import BatchDetails, BatchList, BatchState, BatchSummary
from prograde.ports import Caller
from prograde.use_cases import steer
from prograde.use_cases.read_batch import calls_per_second, read_batches, read_progress
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import start_batch

UPLOAD_BYTES_MAX = 32_000_000
"""Of an order: more than half a million ids in a form; Cloud Run takes no larger request."""


def post_batch(call: Call) -> flask.Response:
    """Start a batch, from a form with the roster as a file, or from JSON that names the professionals."""
    # What reads source files is much, and no other route needs it.
    from prograde.entrypoints.order_form import order_from_form
    from prograde.entrypoints.order_json import order_from_json

    read_query(call.request, Query)
    key = idempotency_key(call.request)
    if call.request.mimetype in JSON:
        sent = read_json(call.request, JsonOrder)
        lent = order_from_json(sent, call.services, os.environ, key, call.who)
    else:
        lent = order_from_form(call.request, call.services, key, call.who)
    with lent as order:
        return accepted(start_batch(call.services, order))


def accepted(batch: Batch) -> flask.Response:
    """Answer that a batch was started, or had been by the same order before."""
    return json_answer(BatchState.of(batch), 202, {"Location": f"/v1/batches/{batch.batch_id}"})


def list_batches(call: Call) -> flask.Response:
    """List batches, newest first."""
    paging = read_query(call.request, Paging)
    page = read_batches(call.services.store, read_place(paging.cursor), paging.limit)
    shown = BatchList([BatchSummary.of(batch) for batch in page.batches], write_place(page.next))
    return current_answer(call.request, shown)


def show_batch(call: Call, batch_id: str) -> flask.Response:
    """Show a batch and how far it has come."""
    read_query(call.request, Query)
    progress = read_progress(call.services.store, batch_id)
    pace = calls_per_second(call.services, progress.batch)
    return current_answer(call.request, BatchDetails.of(progress, call.services.clock.now(), pace))


def pause_batch(call: Call, batch_id: str) -> flask.Response:
    """Stop the calls of a running batch until it is resumed."""
    return _steered(call, batch_id, steer.pause_batch)


def resume_batch(call: Call, batch_id: str) -> flask.Response:
    """Let a paused batch go on."""
    return _steered(call, batch_id, steer.resume_batch)


def cancel_batch(call: Call, batch_id: str) -> flask.Response:
    """End a batch early; what is there is exported."""
    return _steered(call, batch_id, steer.cancel_batch)


def _steered(call: Call, batch_id: str, change: Callable[[Services, str], Batch]) -> flask.Response:
    read_query(call.request, Query)
    return json_answer(BatchState.of(change(call.services, batch_id)))


ROUTES = (
    Route("POST", "/v1/batches", Caller.PEOPLE, post_batch, takes=(*UPLOAD, *JSON), body_bytes_max=UPLOAD_BYTES_MAX),
    Route("GET", "/v1/batches", Caller.PEOPLE, list_batches),
    Route("GET", "/v1/batches/<batch:batch_id>", Caller.PEOPLE, show_batch),
    Route("POST", "/v1/batches/<batch:batch_id>/pause", Caller.PEOPLE, pause_batch),
    Route("POST", "/v1/batches/<batch:batch_id>/resume", Caller.PEOPLE, resume_batch),
    Route("POST", "/v1/batches/<batch:batch_id>/cancel", Caller.PEOPLE, cancel_batch),
)
