"""What is BigQuery's own about its warehouse: how rows are sent, and what it means when they are refused."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlglot
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from typing_extensions import override

from prograde.adapters.gcp.bigquery_warehouse import JOBS_MAX, STREAMED_BYTES_MAX, BigqueryWarehouse
from prograde.domain.batch import BatchStatus
from prograde.errors import CorruptionError, ProgradeError, UnavailableError
from prograde.ports import GradedRow
from tests.contracts.specimens import BATCH, NOON, SECOND, professional, raw_page
from tests.emulators.bigquery import BigqueryServer
from tests.emulators.loopback import Asked
from tests.gcp.worker import Worker
from tests.house.checkout import ROOT

pytestmark = pytest.mark.gcp

PARTITIONS = {
    "raw_page_log": {"sent_at", "batch_id"},
    "results": {"as_of", "batch_id", "grading_run"},
    "grades": {"as_of", "batch_id", "grading_run"},
}
"""By which columns Terraform partitions and clusters what is queried, as far as a statement can name them."""


def sent(
    act: Callable[[BigqueryWarehouse], None], status: int = 200, answer: dict[str, object] | None = None
) -> list[Asked]:
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
    page = raw_page(1, body=letter.encode() * (whole // len(json.dumps(letter).strip('"'))))

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
    ("act", "creates"),
    [
        (lambda warehouse: warehouse.insert_raw_page(raw_page(1, body=b"x" * STREAMED_BYTES_MAX)), "CREATE_NEVER"),
        (lambda warehouse: warehouse.load_results(BATCH, [professional("a")]), "CREATE_IF_NEEDED"),
    ],
    ids=["raw row", "scratch table"],
)
def test_only_a_load_into_the_scratch_dataset_may_create_its_table(
    act: Callable[[BigqueryWarehouse], None], creates: str
) -> None:
    with Worker(lambda _: (403, {})) as worker, warehouse_at(worker) as warehouse, pytest.raises(UnavailableError):
        act(warehouse)

    assert creates == json.loads(worker.received[0].body)["configuration"]["load"]["createDisposition"]


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


# --- jobs that are there already


def job(state: str, **status: object) -> bytes:
    """Write a load job as BigQuery's API does."""
    reference = {"projectId": "p", "jobId": "prograde_x_0", "location": "l"}
    table = {"projectId": "p", "datasetId": "d", "tableId": "raw_page_log"}
    document = {
        "jobReference": reference,
        "configuration": {"jobType": "LOAD", "load": {"destinationTable": table}},
        "status": {"state": state, **status},
    }
    return json.dumps(document).encode()


FAILED = job("DONE", errorResult={"reason": "backendError", "message": "it died"})


def load(statuses: Sequence[int], content: bytes) -> list[Asked]:
    """Load a row, BigQuery answering with these statuses in turn; tells what it got."""
    page = raw_page(1, body=b"x" * STREAMED_BYTES_MAX)
    last = len(statuses) - 1
    with (
        Worker(lambda count: (statuses[min(count, last)], {"Content-Type": "application/json"}), content) as worker,
        warehouse_at(worker) as warehouse,
    ):
        warehouse.insert_raw_page(page)
    return worker.received


def test_a_load_that_an_earlier_try_began_is_waited_for() -> None:
    began, asked, *_ = load([409, 200], job("DONE"))

    assert ("POST", "GET") == (began.method, asked.method)
    name = json.loads(began.body)["jobReference"]["jobId"]
    assert asked.path.startswith(f"/bigquery/v2/projects/p/jobs/{name}?")


def test_the_same_row_is_loaded_by_the_same_job() -> None:
    names = {json.loads(load([409, 200], job("DONE"))[0].body)["jobReference"]["jobId"] for _ in range(2)}

    assert 1 == len(names)


def test_a_load_that_failed_is_begun_under_another_name() -> None:
    with (
        Worker(lambda count: ([409, 200, 403][min(count, 2)], {"Content-Type": "application/json"}), FAILED) as worker,
        warehouse_at(worker) as warehouse,
        pytest.raises(UnavailableError, match="Forbidden"),
    ):
        warehouse.insert_raw_page(raw_page(1, body=b"x" * STREAMED_BYTES_MAX))

    first, second = (json.loads(worker.received[n].body)["jobReference"]["jobId"] for n in (0, 2))
    assert (first[:-1], "0", "1") == (second[:-1], first[-1], second[-1])


def test_loads_that_keep_failing_are_not_tried_for_ever() -> None:
    with pytest.raises(UnavailableError, match=f"all {JOBS_MAX} jobs prograde_.* have failed"):
        load([409, 200] * JOBS_MAX, FAILED)


# --- what a statement reads


class Listening(bigquery.Client):
    """A client that keeps the statements that it sends."""

    def __init__(self, url: str) -> None:
        super().__init__("p", AnonymousCredentials(), client_options=ClientOptions(api_endpoint=url))
        self.statements: list[str] = []

    @override
    def query(self, query: str, *values: Any, **options: Any) -> Any:
        self.statements.append(query)
        return super().query(query, *values, **options)


def test_every_statement_names_the_partitions_and_clusters_that_it_reads(
    bigquery_server: BigqueryServer, dataset: str
) -> None:
    with closing(Listening(bigquery_server.url)) as client:
        warehouse = BigqueryWarehouse(client, dataset, f"{dataset}_scratch")
        for professionals in ([professional("a")], []):
            warehouse.load_results(BATCH, professionals)
            warehouse.load_grades(BATCH, [GradedRow(who.professional_id, "A", 0, ()) for who in professionals])
        warehouse.reconcile(BATCH, 10)
        list(warehouse.ranked(BATCH))

    assert 8 == len(client.statements)
    for statement in client.statements:
        assert {} == {table: columns for table, columns in unnamed(statement, dataset).items() if columns}, statement


def unnamed(statement: str, dataset: str) -> dict[str, set[str]]:
    """Tell which columns of its partitions and clusters a statement leaves open, by the table that it reads."""
    tree = sqlglot.parse_one(statement, read="bigquery")
    left_open = {}
    for table in tree.find_all(sqlglot.exp.Table):
        is_ours = table.name in PARTITIONS and (table.db == dataset.split(".")[1] or not tree.find(sqlglot.exp.With))
        if is_ours:
            scope = table.find_ancestor(sqlglot.exp.Select, sqlglot.exp.Delete, sqlglot.exp.Merge)
            assert scope is not None
            compared = {
                column.name
                for comparison in scope.find_all(sqlglot.exp.EQ, sqlglot.exp.GTE)
                if isinstance(comparison.expression, sqlglot.exp.Parameter)
                for column in comparison.this.find_all(sqlglot.exp.Column)
            }
            left_open[table.name] = PARTITIONS[table.name] - compared
    assert left_open, "it reads a table"
    return left_open


def test_those_are_the_columns_that_terraform_partitions_by() -> None:
    terraform = (ROOT / "infra" / "terraform" / "warehouse.tf").read_text(encoding="utf-8")
    for table, columns in PARTITIONS.items():
        found = re.search(
            rf'    {table} = {{\n +partition += {{[^}}]*field = "(\w+)"[^}}]*}}\n +clustering += \[(.*)\]', terraform
        )
        assert found, table
        clusters = re.findall(r'"(\w+)"', found[2])
        assert columns - {found[1]} == set(clusters[: len(columns) - 1])
        assert found[1] in columns


@pytest.mark.parametrize("table", [*PARTITIONS, "batches", "runs"])
def test_a_check_names_the_table_that_is_missing(bigquery_client: bigquery.Client, dataset: str, table: str) -> None:
    warehouse = BigqueryWarehouse(bigquery_client, dataset, f"{dataset}_scratch")
    warehouse.check()
    bigquery_client.delete_table(f"{dataset}.{table}")

    with pytest.raises(UnavailableError, match=rf"BigQuery: NotFound: .*{table}.*google_bigquery_table\.main"):
        warehouse.check()


def test_a_check_names_the_dataset_that_is_missing(bigquery_client: bigquery.Client, dataset: str) -> None:
    with pytest.raises(UnavailableError, match=r"nowhere.*google_bigquery_dataset\.scratch"):
        BigqueryWarehouse(bigquery_client, dataset, "p.nowhere").check()
