"""What functions ask for before a batch begins, and what they are given, are the same."""

from collections.abc import Iterator

import pytest

from prograde.adapters.gcp.needs import JOBS, NEEDS, SCRATCH, Needs, Permissions
from prograde.settings import Serves
from tests.infra.deployed_settings import SERVES
from tests.infra.terraform_plan import Plan, Resource, read_plan

pytestmark = pytest.mark.infra

PERMITS = {
    "roles/storage.objectCreator": {"storage.objects.create"},
    "roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
    "roles/storage.legacyBucketReader": {"storage.objects.list"},
    "roles/cloudtasks.enqueuer": {"cloudtasks.tasks.create"},
    "roles/bigquery.jobUser": {"bigquery.jobs.create"},
    "roles/bigquery.dataEditor": {
        "bigquery.datasets.get",
        "bigquery.tables.get",
        "bigquery.tables.getData",
        "bigquery.tables.updateData",
    },
}
"""Of Google's roles, as far as prograde uses them."""
TRIED = {
    "google_bigquery_dataset_iam_member.metadata_viewer": "start-batch asks for every table and for scratch",
    "google_bigquery_dataset_iam_member.reader": "a query is tried",
    "google_cloud_tasks_queue_iam_member.reader": "start-batch asks for every queue",
    "google_project_iam_member.firestore_user": "an answer is written",
    "google_service_account_iam_member.enqueuer_acts_as_tasks": "who is asked enqueues",
    "google_secret_manager_secret_iam_member.accessor": "no instance starts without",
}
"""What is not asked for but tried before a batch begins, and how."""


@pytest.fixture
def everything() -> Plan:
    return read_plan("everything")


def wanted(needs: Needs) -> Iterator[tuple[str, Permissions]]:
    """Yield what is wanted on what; things by the end of the name that Terraform gives them."""
    yield "-state", needs.state
    yield "-exports", needs.exports
    yield "-control-g1", needs.control
    yield "-pages-reso-g3", needs.pages
    yield from needs.tables.items()
    if needs.query:
        yield "acme-prograde-everything", JOBS
    if needs.scratch:
        yield "prograde_scratch", SCRATCH


def permitted(plan: Plan, grant: Resource) -> set[str]:
    """Tell what a grant permits, of what prograde uses."""
    role = grant.values["role"]
    for own in plan.of("google_project_iam_custom_role"):
        if role.endswith(f"/{own.values['role_id']}"):
            return set(own.values["permissions"])
    return PERMITS[role]


def on(grant: Resource) -> str:
    """Name what a grant is on."""
    names = ("bucket", "name", "table_id", "dataset_id", "project")
    return str(next(grant.values[name] for name in names if grant.values.get(name)))


def grants(plan: Plan, function: str, resource: str) -> list[Resource]:
    """Find what a resource of Terraform gives a function."""
    member = f"serviceAccount:prograde-{function}@"
    return [grant for grant in plan.of(*resource.split(".")) if grant.values["member"].startswith(member)]


def test_everybody_asks_for_something() -> None:
    assert set(Serves) == set(NEEDS)


@pytest.mark.parametrize("function", SERVES)
def test_what_a_function_asks_for_is_what_it_is_given_there(everything: Plan, function: str) -> None:
    for thing, permissions in wanted(NEEDS[SERVES[function]]):
        for permission, resource in permissions.items():
            given = [grant for grant in grants(everything, function, resource) if on(grant).endswith(thing)]
            assert permission in set().union(*(permitted(everything, grant) for grant in given)), (thing, permission)


@pytest.mark.parametrize("function", SERVES)
def test_nothing_is_given_that_is_neither_asked_for_nor_tried(everything: Plan, function: str) -> None:
    asked = {resource for _, permissions in wanted(NEEDS[SERVES[function]]) for resource in permissions.values()}
    member = f"serviceAccount:prograde-{function}@"
    given = {
        f"{grant.type}.{grant.name}"
        for grant in everything.resources
        if "_iam_member" in grant.type and grant.values["member"].startswith(member)
    }

    assert given - set(TRIED) == asked
