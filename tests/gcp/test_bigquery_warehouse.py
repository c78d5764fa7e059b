"""What is BigQuery's own about its warehouse: how rows are sent, and what it means when they are refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from prograde.adapters.gcp.bigquery_warehouse import STREAMED_BYTES_MAX, BigqueryWarehouse
from prograde.domain.batch import BatchStatus
from prograde.errors import CorruptionError, ProgradeError, UnavailableError
from tests.contracts.specimens import BATCH, NOON, SECOND, professional, raw_page
from tests.gcp.worker import Received, Worker

pytestmark = pytest.mark.gcp


def sent(
    act: Callable[[BigqueryWarehouse], None], status: int = 200, answer: dict[str, object] | None = None
) -> list[Received]:
    """Tell what BigQuery gets when the warehouse acts, and BigQuery answers so."""
    content = json.dumps(answer or {}).encode()
    with (
        Worker(lambda _: (status, {"Content-Type": "application/json"}), content) as worker,
        warehouse_at(worker) as it,
    ):
        act(it)
    return worker.received


@contextmanager
def warehouse_at(worker: Worker) -> Iterator[BigqueryWarehouse]:
    options = ClientOptions(api_endpoint=worker.url)
    with closing(bigquery.Client("p", AnonymousCredentials(), client_options=options)) as client:
        yield BigqueryWarehouse(client, "p.d", "p.d_scratch")


def refusal(reason: str) -> dict[str, object]:
    return {"insertErrors": [{"index": 0, "errors": [{"reason": reason, "message": "no such field"}]}]}


def test_a_raw_row_is_streamed_under_its_id() -> None:
    page = raw_page(1)

    (received,) = sent(lambda warehouse: warehouse.insert_raw_page(page))

    assert received.path.startswith("/bigquery/v2/projects/p/datasets/d/tables/raw_page_log/insertAll")
    assert [page.raw_id] == [row["insertId"] for row in json.loads(received.body)["rows"]]


def test_a_status_told_twice_is_one_row_and_another_status_is_another() -> None:
    def tell(warehouse: BigqueryWarehouse) -> None:
        for status, at in (
            (BatchStatus.RUNNING, NOON),
            (BatchStatus.RUNNING, NOON),
            (BatchStatus.PAUSED, NOON),
            (BatchStatus.RUNNING, NOON + SECOND),
        ):
            warehouse.append_batch(replace(BATCH, status=status), at)

    first, again, paused, later = [json.loads(received.body)["rows"][0]["insertId"] for received in sent(tell)]

    assert first == again
    assert 3 == len({first, paused, later})


@pytest.mark.parametrize("letter", ["x", "é", "中", "\U0001f3e1", "\x01"])
def test_what_is_streamed_is_never_more_than_a_request_may_have(letter: str) -> None:
    whole = STREAMED_BYTES_MAX - 2_000
    page = raw_page(1, body=letter.encode() * (whole // max(len(letter.encode()), 6 * (letter == "\x01"))))

    (received,) = sent(lambda warehouse: warehouse.insert_raw_page(page))

    assert "insertAll" in received.path
    assert STREAMED_BYTES_MAX - 5_000 < len(received.body) < 10_000_000


def test_what_is_too_big_to_be_streamed_is_loaded() -> None:
    page = raw_page(1, body=b"x" * STREAMED_BYTES_MAX)

    with (
        Worker(lambda _: (403, {})) as worker,
        warehouse_at(worker) as warehouse,
        pytest.raises(UnavailableError, match="Forbidden"),
    ):
        warehouse.insert_raw_page(page)

    assert worker.received[0].path.startswith("/upload/bigquery/v2/projects/p/jobs")


@pytest.mark.parametrize(
    ("reason", "error"),
    [("invalid", CorruptionError), ("backendError", UnavailableError), ("stopped", UnavailableError)],
)
def test_a_row_that_is_refused_is_no_row(reason: str, error: type[ProgradeError]) -> None:
    with pytest.raises(error, match=r"refused a row of raw_page_log.*no such field"):
        sent(lambda warehouse: warehouse.insert_raw_page(raw_page(1)), answer=refusal(reason))


@pytest.mark.parametrize(
    "act",
    [
        lambda warehouse: warehouse.insert_raw_page(raw_page(1)),
        lambda warehouse: warehouse.load_results(BATCH, [professional("a")]),
        lambda warehouse: warehouse.reconcile(BATCH, 1),
        lambda warehouse: next(warehouse.ranked(BATCH)),
    ],
    ids=["streaming", "loading", "reconciling", "ranking"],
)
def test_a_dataset_that_is_closed_to_us_may_open(act: Callable[[BigqueryWarehouse], None]) -> None:
    with pytest.raises(UnavailableError, match="Access Denied"):
        sent(act, 403, {"error": {"code": 403, "message": "Access Denied", "errors": [{"reason": "accessDenied"}]}})
