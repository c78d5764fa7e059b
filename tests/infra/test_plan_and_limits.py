"""Numbers that must fit each other."""

import json

import pytest

from prograde.adapters.gcp.bigquery_warehouse import STREAM_SECONDS_MAX
from prograde.adapters.gcp.cloud_tasks_task_queue import PAGE_DELIVERY_MAX
from prograde.adapters.listing_api.client_tables import ClientTable
from prograde.adapters.warehouse_rows import TABLES
from prograde.domain.leases import REACH
from tests.infra.terraform_plan import ENVIRONMENTS, Plan, read_plan

pytestmark = pytest.mark.infra


@pytest.fixture(params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return read_plan(request.param)


def test_a_request_never_waits_inside_an_instance(plan: Plan) -> None:
    for function in plan.functions().values():
        service = function.values["service_config"][0]
        assert str(service["max_instance_request_concurrency"]) == service["environment_variables"]["THREADS"]
        assert float(service["available_cpu"]) >= 1, "a platform's condition for more than one request at once"


def test_there_is_an_instance_for_every_page_in_flight(plan: Plan) -> None:
    service = plan.functions()["fetch-page"].values["service_config"][0]
    queues = plan.of("google_cloud_tasks_queue", "pages")
    in_flight = sum(queue.values["rate_limits"][0]["max_concurrent_dispatches"] for queue in queues)

    assert in_flight <= service["max_instance_count"] * service["max_instance_request_concurrency"]


def test_there_is_an_instance_for_every_finalize_in_flight(plan: Plan) -> None:
    service = plan.functions()["finalize"].values["service_config"][0]
    control = plan.of("google_cloud_tasks_queue", "control")[0]

    assert control.values["rate_limits"][0]["max_concurrent_dispatches"] <= service["max_instance_count"]


def test_no_function_outlives_what_cloud_tasks_waits_for(plan: Plan) -> None:
    assert all(
        1800 >= function.values["service_config"][0]["timeout_seconds"] for function in plan.functions().values()
    )


def test_the_slowest_answer_that_a_source_file_may_wait_for_fits_into_a_page_s_time(plan: Plan) -> None:
    names = ("connect_timeout_seconds", "read_timeout_seconds")
    table = ClientTable.model_json_schema()["properties"]
    slowest = sum(table[name]["maximum"] for name in names) + REACH.total_seconds() + STREAM_SECONDS_MAX

    assert slowest < plan.functions()["fetch-page"].values["service_config"][0]["timeout_seconds"]


def test_supervise_takes_nobody_for_lost_whose_delivery_may_be_at_work(plan: Plan) -> None:
    seconds = plan.functions()["fetch-page"].values["service_config"][0]["timeout_seconds"]

    assert PAGE_DELIVERY_MAX.total_seconds() >= seconds


def test_a_queue_stays_below_its_source_s_limit(plan: Plan) -> None:
    for queue in plan.of("google_cloud_tasks_queue", "pages"):
        assert 20 > queue.values["rate_limits"][0]["max_dispatches_per_second"]


def test_a_dropped_task_took_an_hour_of_tries(plan: Plan) -> None:
    for queue in plan.of("google_cloud_tasks_queue"):
        retries = queue.values["retry_config"][0]
        assert (20, "3600s") == (retries["max_attempts"], retries["max_retry_duration"])


def test_account_ids_fit_the_platform(plan: Plan) -> None:
    assert all(6 <= len(account.values["account_id"]) <= 30 for account in plan.of("google_service_account"))


def test_every_table_of_the_code_is_there(plan: Plan) -> None:
    assert set(TABLES) == {table.values["table_id"] for table in plan.of("google_bigquery_table", "main")}


def test_tables_are_partitioned_and_clustered_by_columns_that_they_have(plan: Plan) -> None:
    for table in plan.of("google_bigquery_table", "main"):
        types = {column["name"]: column["type"] for column in json.loads(table.values["schema"])}
        partition = table.values["time_partitioning"][0]["field"]
        assert partition is None or types[partition] in ("DATE", "TIMESTAMP")
        assert 1 <= len(table.values["clustering"]) <= 4
        assert {types[column] for column in table.values["clustering"]} <= {"STRING", "INTEGER"}
