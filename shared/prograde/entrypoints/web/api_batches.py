"""Batches over the HTTP API: start, list, look at, steer."""

from collections.abc import Callable

import flask

from prograde.domain.batch import Batch
from prograde.entrypoints.web.answers import accepted, json_answer
from prograde.entrypoints.web.route import FORM, Call, Route
from prograde.ports import Caller
from prograde.use_cases import steer
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import start_batch

UPLOAD_BYTES_MAX = 32_000_000
"""Of a posted form: more than half a million ids; Cloud Run takes no larger request."""


def post_batch(call: Call) -> flask.Response:
    """Start a batch."""
    # What reads source files is much, and no other route needs it.
    from prograde.entrypoints.order_form import order_from_form

    with order_from_form(call.request, call.services) as order:
        return accepted(start_batch(call.services, order))


def pause_batch(call: Call, batch_id: str) -> flask.Response:
    """Pause a batch."""
    return _steered(call, batch_id, lambda services, name: steer.pause_batch(services, name, "paused by request"))


def resume_batch(call: Call, batch_id: str) -> flask.Response:
    """Resume a batch."""
    return _steered(call, batch_id, steer.resume_batch)


def cancel_batch(call: Call, batch_id: str) -> flask.Response:
    """Cancel a batch."""
    return _steered(call, batch_id, steer.cancel_batch)


def _steered(call: Call, batch_id: str, change: Callable[[Services, str], Batch]) -> flask.Response:
    batch = change(call.services, batch_id)
    return json_answer({"batch_id": batch.batch_id, "status": batch.status})


ROUTES = (
    Route("POST", "/v1/batches", Caller.PEOPLE, post_batch, takes=FORM, body_bytes_max=UPLOAD_BYTES_MAX),
    Route("POST", "/v1/batches/<batch:batch_id>/pause", Caller.PEOPLE, pause_batch),
    Route("POST", "/v1/batches/<batch:batch_id>/resume", Caller.PEOPLE, resume_batch),
    Route("POST", "/v1/batches/<batch:batch_id>/cancel", Caller.PEOPLE, cancel_batch),
)
