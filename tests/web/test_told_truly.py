"""What a page says of money and of numbers that are cut, asked of its handler."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import flask
import pytest

from prograde.domain.batch import BatchStatus, reopened
from prograde.domain.counter import Lap
from prograde.entrypoints.web.batch_view import BatchView, batch_view, took
from prograde.entrypoints.web.pages_new import order_page
from prograde.entrypoints.web.rendering import rendered
from prograde.entrypoints.web.route import Call
from prograde.use_cases.read_batch import read_progress
from tests.unit.examples import BATCH, NOW
from tests.web.service import EVERYBODY, Service
from tests.web.test_pages import page

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ORDER = {"source": "source", "attribution": "split", "tier-0-name": "A", "tier-0-process": "on"}


@pytest.mark.parametrize(
    ("in_cloud", "cost"), [(False, "$0 here<small>about $"), (True, "<dd>about $0.01<small>for Google Cloud")]
)
def test_an_estimate_costs_nothing_only_where_nothing_is_paid(
    service: Service,
    in_cloud: bool,  # noqa: FBT001  # a table's column
    cost: str,
) -> None:
    sent = ORDER | {"roster": (io.BytesIO(b"professional_id\nA1\n"), "roster.csv")}
    with flask.Flask("test").test_request_context("/new", method="POST", data=sent):
        text = order_page(Call(service.machine.services, flask.request, "", in_cloud=in_cloud)).get_data(as_text=True)

    assert cost in text
    assert in_cloud == ("$0 here" not in text)


def test_a_replay_days_later_is_measured_from_when_it_began() -> None:
    over = replace(BATCH, status=BatchStatus.COMPLETE, finished_at=BATCH.created_at + timedelta(hours=1))
    began = BATCH.created_at + timedelta(days=9)
    again = reopened(over, began)

    assert timedelta(hours=1) == took(over, began)
    assert timedelta(minutes=2) == took(again, began + timedelta(minutes=2))
    assert timedelta(minutes=5) == took(replace(again, finished_at=began + timedelta(minutes=5)), NOW)


@pytest.mark.parametrize(("named", "told"), [(99, "99"), (100, "100 or more")])
def test_a_list_that_is_cut_is_counted_as_its_length_or_more(
    service: Service, finished: str, named: int, told: str
) -> None:
    services = service.machine.services
    view = batch_view(services, read_progress(services.store, finished), None)
    assert view.export is not None
    found = {"differences": [], "missing_raw_ids": [f"{number}" for number in range(named)]}
    lineage = replace(
        view, export=replace(view.export, manifest={**view.export.manifest, "reconciliation": found})
    ).lineage

    assert lineage is not None
    assert ("0", told, False) == (lineage.differences, lineage.missing, lineage.agrees)


def batch_page(view: BatchView) -> str:
    with flask.Flask("test").test_request_context():
        return rendered("batch.html", {"view": view, "said": ""}).get_data(as_text=True)


def test_a_cancelled_batch_promises_nothing_and_its_files_are_partial(service: Service, finished: str) -> None:
    batch_id = service.with_dead_letters(EVERYBODY[:1])
    running = page(service, f"/batches/{batch_id}")
    service.post(f"/v1/batches/{batch_id}/cancel")
    cancelled = page(service, f"/batches/{service.finished(batch_id)}")

    promises = ("Grades appear as", "The histogram appears as")
    assert all(promise in running for promise in promises)
    assert not any(promise in cancelled for promise in promises)
    assert 2 == cancelled.count("Nobody was graded.")
    assert "<strong>Partial:</strong> the batch was cancelled." in cancelled
    assert "Partial:" not in page(service, f"/batches/{finished}")


@pytest.mark.parametrize(
    ("status", "cause", "told"),
    [
        (BatchStatus.INCOMPLETE, "source_outage", "the batch gave up"),
        (BatchStatus.INCOMPLETE, "server_error", ""),
        (BatchStatus.COMPLETE, "source_outage", ""),
    ],
)
def test_the_files_of_a_batch_that_gave_up_are_partial(
    service: Service, finished: str, status: BatchStatus, cause: str, told: str
) -> None:
    services = service.machine.services
    progress = read_progress(services.store, finished)
    view = batch_view(services, replace(progress, batch=replace(progress.batch, status=status)), None)

    assert told == replace(view, progress=replace(view.progress, by_cause={cause: 1})).partial


@pytest.mark.parametrize(("total", "told"), [(100, "3 min 12 s"), (5_000, "roughly 3 h")])
def test_a_time_to_go_by_few_who_ended_is_told_roughly(service: Service, finished: str, total: int, told: str) -> None:
    services = service.machine.services
    progress = read_progress(services.store, finished)
    now = services.clock.now()
    batch = replace(progress.batch, status=BatchStatus.RUNNING, finished_at=None)
    counter = replace(progress.counters[0], laps=(Lap(now - timedelta(minutes=1), 25),))
    moving = replace(progress, batch=batch, total=total, open=total - 20, counters=(counter,))
    view = replace(batch_view(services, moving, None), now=now)

    assert f"<dt>Time to go</dt><dd>{told}<small>until about" in batch_page(view)


@pytest.mark.parametrize(("count", "s"), [(1, ""), (72, "s")])
def test_one_hour_is_written_as_one(service: Service, finished: str, count: int, s: str) -> None:
    services = service.machine.services
    progress = read_progress(services.store, finished)
    parameters = replace(
        progress.batch.parameters,
        page_limit=count,
        failure_limit=count,
        outage_patience_minutes=count,
        promised_hours=count,
    )
    batch = replace(
        progress.batch,
        status=BatchStatus.RUNNING,
        finished_at=None,
        grading_run=0,
        created_at=LONG_AGO,
        parameters=parameters,
    )
    text = batch_page(batch_view(services, replace(progress, batch=batch), None))

    assert f"Late: it was promised within {count} hour{s}." in text
    assert f"{count} page{s} a stage, {count} failure{s} in a row, {count} minute{s} of outage, promised" in text


@pytest.mark.parametrize(
    ("status", "opened", "told"),
    [
        (BatchStatus.RUNNING, 21, "told after the first professionals are done"),
        (BatchStatus.RUNNING, 20, "nobody has finished lately"),
        (BatchStatus.RUNNING, 0, "everybody has finished"),
        (BatchStatus.PAUSED, 21, "paused"),
        (BatchStatus.DRAINING, 20, "draining"),
    ],
)
def test_a_page_without_a_time_to_go_says_why(
    service: Service, finished: str, status: BatchStatus, opened: int, told: str
) -> None:
    services = service.machine.services
    progress = read_progress(services.store, finished)
    batch = replace(progress.batch, status=status, finished_at=None, created_at=services.clock.now())
    view = batch_view(services, replace(progress, batch=batch, open=opened, counters=()), None)

    assert f"<dt>Time to go</dt><dd>–<small>{told}</small>" in batch_page(view)  # noqa: RUF001  # no value
