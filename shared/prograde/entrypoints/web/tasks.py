"""What the queue and the scheduler call."""

import os

import flask

from prograde.adapters.documents import read_seed_task, read_wake_task
from prograde.correlation import correlated
from prograde.entrypoints.web.answers import json_answer
from prograde.entrypoints.web.api_batches import accepted
from prograde.entrypoints.web.route import Call, Route
from prograde.ports import Caller
from prograde.use_cases import seed as seeding
from prograde.use_cases import supervise as supervising
from prograde.use_cases import wake as waking
from prograde.use_cases.start_batch import start_batch


def seed(call: Call) -> flask.Response:
    """Take a seed task."""
    task = read_seed_task(call.request.get_data())
    with correlated(batch_id=task.batch_id):
        seeding.seed_step(call.services, task)
    return json_answer({})


def wake(call: Call) -> flask.Response:
    """Take a wake task."""
    task = read_wake_task(call.request.get_data())
    with correlated(batch_id=task.batch_id):
        waking.wake_step(call.services, task)
    return json_answer({})


def supervise(call: Call) -> flask.Response:
    """Look after what stands still."""
    supervising.supervise(call.services)
    return json_answer({})


def scheduled_batch(call: Call) -> flask.Response:
    """Start a schedule's batch of this quarter, once."""
    # What reads source files is much, and no other task needs it.
    from prograde.entrypoints.order_schedule import order_from_schedule

    with order_from_schedule(call.request.get_data(), call.services, os.environ) as order:
        return accepted(start_batch(call.services, order))


ROUTES = (
    Route("POST", "/tasks/seed", Caller.TASKS, seed),
    Route("POST", "/tasks/wake", Caller.TASKS, wake),
    Route("POST", "/tasks/supervise", Caller.SCHEDULER, supervise),
    Route("POST", "/tasks/scheduled-batch", Caller.SCHEDULER, scheduled_batch),
)
