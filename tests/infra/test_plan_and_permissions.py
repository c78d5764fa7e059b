"""Who may do what: every role that is given, and nothing that is public but what was asked to be."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest

from tests.infra.terraform_plan import ENVIRONMENTS, Plan, Resource, read_plan

pytestmark = pytest.mark.infra

ENQUEUER = "roles/cloudtasks.enqueuer"
STARTS = {
    f"{ENQUEUER} on queue pages-reso",
    f"{ENQUEUER} on queue control",
    "roles/iam.serviceAccountUser on account tasks",
    "roles/datastore.user on the database prograde",
    "roles/storage.objectCreator on bucket state",
    "roles/storage.objectViewer on bucket state",
    "roles/secretmanager.secretAccessor on secret LISTING_TOKEN",
    "table_appender on table batches",
    "queue_reader on queue pages-reso",
    "queue_reader on queue control",
    "roles/bigquery.metadataViewer on dataset prograde",
    "roles/bigquery.metadataViewer on dataset prograde_scratch",
}
ANSWERS = {
    "roles/storage.objectViewer on bucket exports",
    "roles/bigquery.dataViewer on dataset prograde",
    "roles/bigquery.jobUser on the project",
}
EXPECTED = {
    "start-batch": STARTS | ANSWERS | {"queue_pacer on queue pages-reso"},
    "fetch-page": {
        f"{ENQUEUER} on queue pages-reso",
        f"{ENQUEUER} on queue control",
        "roles/iam.serviceAccountUser on account tasks",
        "roles/datastore.user on the database prograde",
        "roles/storage.objectViewer on bucket state",
        "roles/secretmanager.secretAccessor on secret LISTING_TOKEN",
        "table_loader on table raw_page_log",
        "table_appender on table batches",
        "roles/bigquery.jobUser on the project",
    },
    "finalize": {
        f"{ENQUEUER} on queue control",
        "roles/iam.serviceAccountUser on account tasks",
        "roles/datastore.user on the database prograde",
        "roles/storage.objectCreator on bucket exports",
        "roles/storage.objectViewer on bucket exports",
        "roles/storage.objectCreator on bucket state",
        "roles/storage.objectViewer on bucket state",
        "roles/bigquery.dataEditor on dataset prograde_scratch",
        "table_appender on table batches",
        "table_appender on table runs",
        "roles/bigquery.dataEditor on table results",
        "roles/bigquery.dataEditor on table grades",
        "roles/bigquery.dataViewer on dataset prograde",
        "roles/bigquery.jobUser on the project",
    },
    "console": STARTS | ANSWERS,
    "webhook": {
        *STARTS,
        "roles/storage.legacyBucketReader on bucket exports",
        "roles/secretmanager.secretAccessor on secret PROGRADE_WEBHOOK_SECRET",
    },
    "build": {
        "roles/artifactregistry.writer on the project",
        "roles/logging.logWriter on the project",
        "roles/storage.objectViewer on the buckets of function sources",
        "roles/storage.objectViewer on bucket packages",
    },
    "tasks": {
        "roles/run.invoker on service start-batch",
        "roles/run.invoker on service fetch-page",
        "roles/run.invoker on service finalize",
    },
    "scheduler": {"roles/run.invoker on service start-batch"},
    "user:ada@example.com": {
        "roles/run.invoker on service start-batch",
        "roles/run.invoker on service console",
        "roles/storage.objectUser on rosters",
        "roles/storage.objectViewer on bucket exports",
    },
    "allUsers": {"roles/run.invoker on service webhook"},
}


@pytest.fixture
def everything() -> Plan:
    return read_plan("everything")


def grants(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield who is given what on what, in short names."""
    for resource in plan.resources:
        if "_iam_" in resource.type and "custom_role" not in resource.type:
            member = resource.values["member"].removeprefix("serviceAccount:prograde-").split("@acme")[0]
            role = resource.values["role"].rpartition("/roles/prograde_")[2]
            yield member, f"{role} on {_thing(resource)}"


def _thing(resource: Resource) -> str:
    values = resource.values
    if values.get("condition"):
        title: str = values["condition"][0]["title"]
        return title
    short_names: dict[str, Callable[[], str]] = {
        "project": lambda: "the project",
        "storage_bucket": lambda: f"bucket {values['bucket'].rpartition('-')[2]}",
        "cloud_tasks_queue": lambda: f"queue {values['name'].removeprefix('prograde-').rpartition('-g')[0]}",
        "bigquery_table": lambda: f"table {values['table_id']}",
        "bigquery_dataset": lambda: f"dataset {values['dataset_id']}",
        "secret_manager_secret": lambda: f"secret {values['secret_id'].removeprefix('prograde-')}",
        "cloud_run_v2_service": lambda: f"service {values['name'].removeprefix('prograde-')}",
        "service_account": lambda: f"account {resource.name.removeprefix('enqueuer_acts_as_')}",
    }
    return short_names[resource.type.removeprefix("google_").removesuffix("_iam_member")]()


def test_everybody_has_the_roles_that_they_need_and_no_other(everything: Plan) -> None:
    given: dict[str, set[str]] = defaultdict(set)
    for member, grant in grants(everything):
        given[member].add(grant)

    assert EXPECTED == given


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("queue_pacer", {"cloudtasks.queues.get", "cloudtasks.queues.update"}),
        ("queue_reader", {"cloudtasks.queues.get"}),
        ("table_appender", {"bigquery.tables.get", "bigquery.tables.updateData"}),
        ("table_loader", {"bigquery.tables.get", "bigquery.tables.update", "bigquery.tables.updateData"}),
    ],
)
def test_a_role_of_our_own_permits_what_is_used(everything: Plan, role: str, permissions: set[str]) -> None:
    (own,) = everything.of("google_project_iam_custom_role", role)

    assert permissions == set(own.values["permissions"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roles_are_added_and_nobody_else_s_taken_away(environment: str) -> None:
    types = {resource.type for resource in read_plan(environment).resources}

    assert [] == [type_ for type_ in sorted(types) if type_.endswith(("_iam_binding", "_iam_policy"))]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_nothing_is_public_without_a_webhook(environment: str) -> None:
    assert [] == [grant for member, grant in grants(read_plan(environment)) if member.startswith("all")]


def test_the_platform_does_not_let_the_internet_in_where_only_tasks_come(everything: Plan) -> None:
    ingress = {
        name: function.values["service_config"][0]["ingress_settings"]
        for name, function in everything.functions().items()
    }

    assert {"fetch-page", "finalize"} == {name for name, setting in ingress.items() if setting == "ALLOW_INTERNAL_ONLY"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_are_closed_and_keep_nothing_that_was_deleted(environment: str) -> None:
    for bucket in read_plan(environment).of("google_storage_bucket"):
        assert bucket.values["uniform_bucket_level_access"] is True
        assert "enforced" == bucket.values["public_access_prevention"]
        assert 0 == bucket.values["soft_delete_policy"][0]["retention_duration_seconds"]


def test_no_secret_has_a_value_in_the_state(everything: Plan) -> None:
    assert [] == [each.address for each in everything.resources if each.type == "google_secret_manager_secret_version"]
