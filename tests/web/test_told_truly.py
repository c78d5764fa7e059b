"""What a page says of money and of numbers that are cut, asked of its handler."""

import io
from dataclasses import replace
from datetime import timedelta

import flask
import pytest

from prograde.domain.batch import BatchStatus, reopened
from prograde.entrypoints.web.batch_view import batch_view, took
from prograde.entrypoints.web.pages_new import order_page
from prograde.entrypoints.web.rendering import rendered
from prograde.entrypoints.web.route import Call
from prograde.use_cases.read_batch import read_progress
from tests.unit.examples import BATCH, NOW
from tests.web.service import Service

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
    with flask.Flask("test").test_request_context():
        text = rendered("batch.html", {"view": view, "said": ""}).get_data(as_text=True)

    assert f"<dt>Time to go</dt><dd>–<small>{told}</small>" in text  # noqa: RUF001  # no value
