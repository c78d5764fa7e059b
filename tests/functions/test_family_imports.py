"""Each family is imported where it is wanted, and nothing of the other is."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.package import FUNCTIONS, package
from tests.entrypoints.test_settings import DEPLOYED

HOSTED = """
import json, sys
import functions_framework
client = functions_framework.create_app(target=sys.argv[1], source=sys.argv[2]).test_client()
response = client.post(sys.argv[3])
assert response.status_code == int(sys.argv[4]), response.get_data()
assert sys.modules["prograde"].__file__.startswith(sys.argv[2].removesuffix("main.py"))
sys.stdout.write(json.dumps(sorted(sys.modules)))
"""
EMBEDDED = """
import json, sys
import prograde.entrypoints.cli
from prograde.bootstrap.hosting import FUNCTIONS, function_app
for name in FUNCTIONS:
    assert function_app(name).test_client().post("/").status_code in {401, 405}
sys.stdout.write(json.dumps(sorted(sys.modules)))
"""
READING = """
import json, sys
import prograde.entrypoints.cli
sys.stdout.write(json.dumps(sorted(sys.modules)))
"""
# Whom nothing answers: clients are built and nobody is called.
NOBODY = "127.0.0.1:9"


def modules_of(program: str, *arguments: str, env: Mapping[str, str], folder: Path) -> set[str]:
    """List what a program has imported at its end."""
    environment = {"PATH": os.environ["PATH"], **env}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def ours(modules: set[str], *names: str) -> set[str]:
    return {module for module in modules if any(module == name or module.startswith(f"{name}.") for name in names)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_deployed_function_imports_nothing_of_one_machine(function: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(package(function, tmp_path)) as archive:
        archive.extractall(tmp_path)
    serves = {"start_batch": "batches", "fetch_page": "pages", "finalize": "finalize"}[function]
    env = {
        **DEPLOYED,
        "PROGRADE_SERVES": serves,
        "FIRESTORE_EMULATOR_HOST": NOBODY,
        "CLOUD_TASKS_EMULATOR_HOST": NOBODY,
        "STORAGE_EMULATOR_HOST": f"http://{NOBODY}",
        "BIGQUERY_EMULATOR_HOST": f"http://{NOBODY}",
        "PYTHONPATH": str(tmp_path),
    }
    path = "/tasks/supervise" if function == "start_batch" else "/"

    modules = modules_of(HOSTED, function, str(tmp_path / "main.py"), path, "401", env=env, folder=tmp_path)

    assert ours(modules, "google.cloud.firestore")
    # Flask brings click, and structlog takes rich where it is: the requirements of a package name no rich.
    unwanted = ("duckdb", "sqlite3", "sqlglot", "prograde.adapters.local", "prograde.sandbox", "jmespath")
    assert set() == ours(modules, *unwanted, "prograde.entrypoints.cli", "prograde.bootstrap.local_machine")


def test_one_machine_imports_nothing_of_the_cloud(tmp_path: Path) -> None:
    env = {"PROGRADE_DATA_DIR": str(tmp_path / "data"), "PROGRADE_SOURCES_DIR": str(tmp_path)}

    modules = modules_of(EMBEDDED, env=env, folder=tmp_path)

    assert ours(modules, "prograde.adapters.local")
    # functions-framework has a module of its own in Google's namespace.
    googles = (
        ours(modules, "google")
        - ours(modules, "google.cloud.functions", "google.cloud.functions_v1")
        - {"google", "google.cloud"}
    )
    assert set() == googles | ours(modules, "grpc", "prograde.adapters.gcp", "prograde.bootstrap.google_cloud")


def test_whoever_only_reads_waits_for_nothing_that_serves_or_exports(tmp_path: Path) -> None:
    modules = modules_of(READING, env={}, folder=tmp_path)

    assert set() == ours(modules, "flask", "functions_framework", "sqlglot")
