from collections.abc import Mapping
from pathlib import Path

import pytest

from prograde.errors import SettingsError
from prograde.settings import (
    CERTS_URL,
    GOOGLE_CLOUD_VARIABLES,
    IAP_CERTS_URL,
    GoogleCloudSettings,
    LocalSettings,
    QueueSettings,
    Serves,
    read_settings,
)
from tests.house.checkout import ROOT
from tests.infra.deployed_settings import EVERY_FUNCTION, SERVES

DEPLOYED = {
    "PROGRADE_BUCKET_EXPORTS": "acme-exports",
    "PROGRADE_BUCKET_STATE": "acme-state",
    "PROGRADE_DATASET": "prograde",
    "PROGRADE_FAMILY": "gcp",
    "PROGRADE_FETCH_PAGE_URL": "https://prograde-fetch-page-1.us-central1.run.app",
    "PROGRADE_FINALIZE_URL": "https://prograde-finalize-1.us-central1.run.app",
    "PROGRADE_FIRESTORE_DATABASE": "prograde",
    "PROGRADE_LOCATION": "us-central1",
    "PROGRADE_PROJECT": "acme",
    "PROGRADE_QUEUES": '{"reso": {"name": "prograde-pages-reso-g1", "tasks_per_second": 18}}',
    "PROGRADE_QUEUE_CONTROL": "prograde-control-g1",
    "PROGRADE_SCHEDULER_ACCOUNT": "prograde-scheduler@acme.iam.gserviceaccount.com",
    "PROGRADE_SERVES": "pages",
    "PROGRADE_START_BATCH_URL": "https://prograde-start-batch-1.us-central1.run.app",
    "PROGRADE_TASKS_ACCOUNT": "prograde-tasks@acme.iam.gserviceaccount.com",
}


def problems(env: Mapping[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(env)
    return {problem.field: problem.remedy for problem in caught.value.problems}


def google_cloud(**changed: str) -> GoogleCloudSettings:
    settings = read_settings({**DEPLOYED, **changed})
    assert isinstance(settings, GoogleCloudSettings)
    return settings


def test_one_machine_is_the_default() -> None:
    env = {"PROGRADE_DATA_DIR": "data", "PROGRADE_SOURCES_DIR": "sources"}

    assert LocalSettings(Path("data"), Path("sources")) == read_settings(env)
    assert {"PROGRADE_DATA_DIR", "PROGRADE_SOURCES_DIR"} == set(problems({}))


@pytest.mark.parametrize("family", [{}, {"PROGRADE_FAMILY": ""}], ids=["missing", "empty"])
def test_one_machine_is_not_the_default_in_the_cloud(family: dict[str, str]) -> None:
    assert {"PROGRADE_FAMILY": "is missing; infra/terraform sets it from local.environment"} == problems(
        {"K_SERVICE": "prograde-fetch-page", **family}
    )


def test_the_console_is_told_whom_its_assertions_are_for() -> None:
    assert {"PROGRADE_IAP_AUDIENCE"} == set(problems({**DEPLOYED, "PROGRADE_SERVES": "console"}))
    named = google_cloud(PROGRADE_SERVES="console", PROGRADE_IAP_AUDIENCE="/projects/1/x")
    assert ("/projects/1/x", IAP_CERTS_URL) == (named.iap_audience, named.iap_certs_url)


def test_a_family_that_there_is_none_of_is_a_problem() -> None:
    assert {"PROGRADE_FAMILY": "must be local or gcp"} == problems({"PROGRADE_FAMILY": "aws"})


def test_the_code_reads_what_terraform_sets_and_nothing_else() -> None:
    assert {"PROGRADE_FAMILY", *GOOGLE_CLOUD_VARIABLES} == EVERY_FUNCTION == set(DEPLOYED)
    assert set(Serves) == set(SERVES.values())


def test_what_provides_a_variable_is_in_the_terraform() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "terraform").glob("*.tf"))
    for provider in GOOGLE_CLOUD_VARIABLES.values():
        kind, name = provider.split(".")
        declared = {"var": f'variable "{name}"', "local": f"  {name} = {{"}.get(kind, f'resource "{kind}" "{name}"')
        assert declared in text, provider


def test_everything_that_is_missing_is_named_at_once_with_what_provides_it() -> None:
    found = problems({"PROGRADE_FAMILY": "gcp"})

    assert set(GOOGLE_CLOUD_VARIABLES) == set(found)
    assert "is missing; infra/terraform sets it from google_cloud_tasks_queue.pages" in found["PROGRADE_QUEUES"]


@pytest.mark.parametrize("name", sorted(GOOGLE_CLOUD_VARIABLES))
def test_an_empty_variable_is_a_missing_one(name: str) -> None:
    assert {name} == set(problems({**DEPLOYED, name: ""}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROGRADE_QUEUES", "pages"),
        ("PROGRADE_QUEUES", "{}"),
        ("PROGRADE_QUEUES", '["pages"]'),
        ("PROGRADE_QUEUES", '{"reso": 1}'),
        ("PROGRADE_QUEUES", '{"reso": "pages"}'),
        ("PROGRADE_QUEUES", '{"reso": {"name": "pages"}}'),
        ("PROGRADE_QUEUES", '{"reso": {"name": "pages", "tasks_per_second": 0}}'),
        ("PROGRADE_QUEUES", '{"reso": {"name": "pages", "tasks_per_second": "18"}}'),
        ("PROGRADE_SERVES", "everything"),
        ("PROGRADE_FINALIZE_URL", "http://prograde-finalize-1.us-central1.run.app"),
        ("PROGRADE_FINALIZE_URL", "https://prograde-finalize-1.us-central1.run.app/"),
        ("PROGRADE_FINALIZE_URL", "prograde-finalize-1.us-central1.run.app"),
        ("PROGRADE_FINALIZE_URL", "https://[x"),
        ("PROGRADE_TASKS_ACCOUNT", "prograde-tasks"),
    ],
)
def test_a_value_that_cannot_be_right_is_a_problem(name: str, value: str) -> None:
    assert {name} == set(problems({**DEPLOYED, name: value}))


def test_a_function_knows_the_url_that_tokens_for_it_are_made_out_for() -> None:
    urls = {serves: google_cloud(PROGRADE_SERVES=serves, PROGRADE_IAP_AUDIENCE="x").own_url for serves in Serves}

    assert DEPLOYED["PROGRADE_FETCH_PAGE_URL"] == urls[Serves.PAGES]
    assert DEPLOYED["PROGRADE_FINALIZE_URL"] == urls[Serves.FINALIZE]
    assert DEPLOYED["PROGRADE_START_BATCH_URL"] == urls[Serves.BATCHES]


def test_nothing_but_a_stand_in_moves_what_is_asked_of_google() -> None:
    settings = google_cloud()

    assert (CERTS_URL, "") == (settings.certs_url, settings.cloud_tasks_emulator)
    assert {"reso": QueueSettings("prograde-pages-reso-g1", 18)} == dict(settings.queues)
