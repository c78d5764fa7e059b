"""The plan and the code name the same things."""

import ast
import io
import json
import re
import shlex
from base64 import b64decode
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from prograde.adapters.listing_api.secret import REFERENCE
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.hosting import FUNCTIONS, function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.domain.batch import BatchStatus
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from prograde.use_cases.announce import ALERTS
from tests.e2e.machine import TOKEN, Workplace
from tests.house.checkout import ROOT
from tests.infra.deployed_settings import EVERY_FUNCTION, ONE_FUNCTION, SCHEDULED_BATCH_ROUTE, SERVES, SUPERVISE_ROUTE
from tests.infra.terraform_plan import ENVIRONMENTS, Plan, Resource, read_plan

pytestmark = pytest.mark.infra


@pytest.fixture(params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return read_plan(request.param)


@pytest.fixture
def everything() -> Plan:
    return read_plan("everything")


def environment(function: Resource) -> dict[str, str]:
    variables: dict[str, str] = function.values["service_config"][0]["environment_variables"]
    return variables


def secrets(function: Resource) -> set[str]:
    return {secret["key"] for secret in function.values["service_config"][0]["secret_environment_variables"]}


def entry_points(folder: str) -> set[str]:
    """Name the functions that functions-framework finds in a package's main.py."""
    tree = ast.parse((ROOT / "functions" / folder / "main.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_three_packages_are_the_three_functions(plan: Plan) -> None:
    packages = [package.values["name"] for package in plan.of("google_storage_bucket_object", "package")]

    assert sorted(FUNCTIONS) == sorted(re.sub(r"-[0-9a-f]{32}\.zip$", "", name).replace("-", "_") for name in packages)


def test_every_function_starts_in_its_package_s_main(plan: Plan) -> None:
    for function in plan.functions().values():
        build = function.values["build_config"][0]
        package = build["source"][0]["storage_source"][0]["object"]
        folder = re.sub(r"-[0-9a-f]{32}\.zip$", "", package).replace("-", "_")
        assert build["entry_point"] in entry_points(folder)
        assert "python313" == build["runtime"]


def test_every_function_has_the_settings_that_it_reads(plan: Plan) -> None:
    for name, function in plan.functions().items():
        platform = {"THREADS", "LOG_EXECUTION_ID"}
        given = set(environment(function)) | {key for key in secrets(function) if key.startswith("PROGRADE_")}
        assert EVERY_FUNCTION | ONE_FUNCTION.get(name, frozenset()) == given - platform
        assert SERVES[name] == environment(function)["PROGRADE_SERVES"]


def test_settings_name_what_is_there(plan: Plan) -> None:
    queues = {
        queue.index: {
            "name": queue.values["name"],
            "tasks_per_second": queue.values["rate_limits"][0]["max_dispatches_per_second"],
        }
        for queue in plan.of("google_cloud_tasks_queue", "pages")
    }
    accounts = {account.values["email"] for account in plan.of("google_service_account")}
    buckets = {bucket.values["name"] for bucket in plan.of("google_storage_bucket")}
    for function in plan.functions().values():
        settings = environment(function)
        assert queues == json.loads(settings["PROGRADE_QUEUES"])
        assert settings["PROGRADE_QUEUE_CONTROL"] == plan.of("google_cloud_tasks_queue", "control")[0].values["name"]
        assert settings["PROGRADE_DATASET"] == plan.of("google_bigquery_dataset")[0].values["dataset_id"]
        assert settings["PROGRADE_FIRESTORE_DATABASE"] == plan.of("google_firestore_database")[0].values["name"]
        assert {settings["PROGRADE_BUCKET_STATE"], settings["PROGRADE_BUCKET_EXPORTS"]} <= buckets
        assert {settings["PROGRADE_TASKS_ACCOUNT"], settings["PROGRADE_SCHEDULER_ACCOUNT"]} <= accounts
        assert settings["PROGRADE_LOCATION"] == function.values["location"]


def test_urls_are_those_of_the_services(plan: Plan) -> None:
    for name in ("start-batch", "fetch-page", "finalize"):
        setting = f"PROGRADE_{name.replace('-', '_').upper()}_URL"
        for function in plan.functions().values():
            url = environment(function)[setting]
            assert url.startswith(f"https://prograde-{name}-")
            assert url.endswith(f".{function.values['location']}.run.app")


def test_there_is_a_queue_for_each_source_and_a_file(plan: Plan) -> None:
    function = plan.functions()["start-batch"]
    uploaded = {item.values["name"] for item in plan.of("google_storage_bucket_object", "source")}

    assert uploaded == {f"sources/{source}.yaml" for source in json.loads(environment(function)["PROGRADE_QUEUES"])}


def test_the_secrets_of_the_source_files_reach_those_who_read_them(plan: Plan) -> None:
    # Comments name examples: only what stands before the hash counts.
    texts = [item.values["content"] for item in plan.of("google_storage_bucket_object", "source")]
    lines = [re.split(r"(?:^|\s)#", line)[0] for text in texts for line in text.splitlines()]
    named = {name for line in lines for name in REFERENCE.findall(line)}
    assert named
    for name, function in plan.functions().items():
        expected = set() if name == "finalize" else named
        assert expected == {key for key in secrets(function) if not key.startswith("PROGRADE_")}


def test_the_scheduler_calls_routes_of_start_batch(everything: Plan, machine: LocalMachine) -> None:
    client = function_app("start_batch", machine.services).test_client()
    settings = environment(everything.functions()["start-batch"])
    for name, route in (("supervise", SUPERVISE_ROUTE), ("schedule", SCHEDULED_BATCH_ROUTE)):
        target = everything.of("google_cloud_scheduler_job", name)[0].values["http_target"][0]
        token = target["oidc_token"][0]
        assert settings["PROGRADE_START_BATCH_URL"] + route == target["uri"]
        assert settings["PROGRADE_START_BATCH_URL"] == token["audience"]
        assert settings["PROGRADE_SCHEDULER_ACCOUNT"] == token["service_account_email"]
        assert 401 == client.post(route).status_code, "there, and not for everybody"


def test_a_scheduled_batch_says_what_it_is(everything: Plan) -> None:
    target = everything.of("google_cloud_scheduler_job", "schedule")[0].values["http_target"][0]

    assert {"Content-Type": "application/json"} == target["headers"]
    assert {
        "schedule": "quarterly",
        "source": "reso",
        "roster": "rosters/reso.csv",
        "parameters": {"attribution": "full"},
    } == json.loads(b64decode(target["body"]))


def test_an_alert_stands_behind_every_event(everything: Plan) -> None:
    events = {policy.values["display_name"] for policy in everything.of("google_monitoring_alert_policy", "event")}

    assert {f"prograde: {event}" for event in ALERTS} == events


def test_the_metric_counts_the_events_that_alert_and_no_other(everything: Plan) -> None:
    (metric,) = everything.of("google_logging_metric", "events")
    found = re.search(r'jsonPayload\.event=~"(.*)"$', metric.values["filter"])
    assert found

    told = {*ALERTS, *(f"batch_{status}" for status in BatchStatus)}
    assert ALERTS == {event for event in told if re.search(found[1], event)}


def test_a_delivery_that_fails_alerts_unless_it_waits_for_limits(everything: Plan) -> None:
    (policy,) = everything.of("google_monitoring_alert_policy", "deliveries_refused")
    chosen = policy.values["conditions"][0]["condition_threshold"][0]["filter"]
    found = re.search(r'response_code!=monitoring\.regex\.full_match\("([^"]*)"\)', chosen)
    assert found

    codes = ["ok", "OK", "resource_exhausted", "429", "permission_denied", "403", "unauthenticated", "not_found", "500"]
    assert codes[4:] == [code for code in codes if not re.fullmatch(found[1], code)]
    queues = everything.of("google_cloud_tasks_queue")
    assert {queue.values["name"] for queue in queues} == set(re.findall(r'queue_id="([^"]*)"', chosen))


def test_there_is_a_section_about_every_alert(everything: Plan) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    alerts = {
        policy.values["display_name"].removeprefix("prograde: ")
        for policy in everything.of("google_monitoring_alert_policy")
    }

    assert alerts <= set(re.findall(r"^### `(\w+)`", page, flags=re.MULTILINE))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalMachine]:
    monkeypatch.setenv("SANDBOX_TOKEN", TOKEN)
    with SandboxServer(seeded_market(5, 7, date(2026, 6, 30))) as practice_api:
        place = Workplace.make(tmp_path, practice_api, calls_a_second=1_000)
        (tmp_path / "data").mkdir()
        with local_machine(DataDirectory(tmp_path / "data"), SourceFolder(place.folder), place.env) as lent:
            yield lent


def test_the_line_that_starts_a_batch_does(everything: Plan, machine: LocalMachine) -> None:
    words = shlex.split(everything.outputs["start_a_batch"])
    options = list(pairwise(words))
    method = next(value for option, value in options if option == "--request")
    url = next(word for word in words if word.startswith("https://"))
    headers = dict(value.split(": ", 1) for option, value in options if option == "--header")
    form = dict(value.split("=", 1) for option, value in options if option == "--form")
    assert {"source": "reso", "roster": "@roster.csv"} == form
    assert headers.pop("Authorization").startswith("Bearer ")
    roster = io.BytesIO(b"professional_id\nA1\n")

    response = (
        function_app("start_batch", machine.services)
        .test_client()
        .open(
            urlsplit(url).path,
            method=method,
            headers=headers,
            data={"source": "source", "roster": (roster, "roster.csv")},
        )
    )

    assert 202 == response.status_code, response.get_data()
