"""Each package, in a clean environment of the runtime that it is deployed to."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from google.cloud import firestore

from infra.package import FUNCTIONS, REQUIREMENTS, ROOT, package
from prograde.adapters.documents import write_task
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.domain.effects import FinalizeTask, SoundingTask
from prograde.settings import GOOGLE_CLOUD_VARIABLES
from tests.contracts.specimens import BATCH, COUNTERS, NOON
from tests.emulators.bigquery import BigqueryServer
from tests.gcp.deployment import SCHEDULER_ACCOUNT, TASKS_ACCOUNT, deployment, post, served
from tests.gcp.real_clock import RealClock

pytestmark = pytest.mark.gcp

RUNTIME = (3, 13)
"""infra/terraform deploys to python313."""
CALLED = {
    "start_batch": ("/tasks/supervise", SCHEDULER_ACCOUNT, b""),
    "fetch_page": ("/sounding", TASKS_ACCOUNT, write_task(SoundingTask("north", NOON, NOON)).encode()),
    # Too late: that grading run is over, so nothing is to be done.
    "finalize": ("/", TASKS_ACCOUNT, write_task(FinalizeTask(BATCH.batch_id, 0, 0, NOON)).encode()),
}
MEASURED = """
import sys, time
started = time.perf_counter()
import functions_framework
functions_framework.create_app(target=sys.argv[1], source="main.py")
loaded = time.perf_counter()
import prograde.bootstrap.google_cloud
ready = time.perf_counter()
print(round(loaded - started, 2), round(ready - loaded, 2))
"""


def interpreters() -> Iterator[Path]:
    """Look for the runtime's Python: by its name, then among pyenv's."""
    name = "python{}.{}".format(*RUNTIME)
    if found := shutil.which(name):
        yield Path(found)
    if pyenv := shutil.which("pyenv"):
        root = Path(subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip())
        yield from sorted(root.glob(f"versions/{'.'.join(map(str, RUNTIME))}.*/bin/{name}"), reverse=True)


def is_runtime(python: Path) -> bool:
    """Try an interpreter: pyenv leaves names behind that start nothing."""
    done = subprocess.run(
        [str(python), "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and tuple(map(int, done.stdout.split())) == RUNTIME


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    """Make the clean environment, once for each requirements.txt: nothing is in it but what that names."""
    made_of = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = ROOT / "build" / f"python313-{made_of}"
    if not (folder / ".installed").exists():
        found = next(filter(is_runtime, interpreters()), None)
        if found is None:
            text = "NOT TRIED: the packages were not started, for neither python3.13 nor pyenv offers a Python 3.13"
            pytestconfig.get_terminal_writer().line(f"\n{text}", red=True)
            pytest.skip(text)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([str(found), "-m", "venv", str(folder)], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([str(folder / "bin" / "python"), *install, "-r", str(REQUIREMENTS)], check=True, timeout=500)
        (folder / ".installed").touch()
    return folder / "bin" / "python"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_says_what_its_environment_lacks_and_answers_when_it_is_there(
    function: str, python: Path, bigquery_server: BigqueryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, account, body = CALLED[function]
    with deployment(bigquery_server.url, {"north": ""}) as deployed:
        port = int(deployed.urls[function].rpartition(":")[2])
        bare = {"PROGRADE_FAMILY": "gcp", "PATH": deployed.env(function)["PATH"]}
        with served(function, python, tmp_path, bare, port) as url:
            lacking = post(f"{url}{path}", body)
        assert (429 if function == "fetch_page" else 503) == lacking.status
        fields = {problem["field"]: problem["remedy"] for problem in json.loads(lacking.body)["problems"]}
        assert set(GOOGLE_CLOUD_VARIABLES) == set(fields)
        assert "infra/terraform sets it from google_storage_bucket.state" in fields["PROGRADE_BUCKET_STATE"]

        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", deployed.documents.target)
        with ExitStack() as stack:
            client: firestore.Client = stack.enter_context(closing(deployed.firestore_client()))
            FirestoreBatchStore(client, RealClock()).create_batch(BATCH, COUNTERS)
            url = stack.enter_context(served(function, python, tmp_path, deployed.env(function), port))
            stranger = post(f"{url}{path}", body)
            headers = {"Authorization": f"Bearer {deployed.token(account, function)}"}
            healthy = post(f"{url}{path}", body, headers)
    assert 401 == stranger.status
    assert 200 == healthy.status, healthy.body


def test_the_table_of_sizes_and_import_times(python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["| Package | kB | Import | Import of the cloud family |", "| --- | ---: | ---: | ---: |"]
    for function in FUNCTIONS:
        target = package(function, tmp_path)
        folder = tmp_path / function
        shutil.unpack_archive(target, folder)
        measure = [str(python), "-c", MEASURED, function]
        # The platform compiles a package when it builds it: the first time here does that.
        _, done = (subprocess.run(measure, cwd=folder, capture_output=True, text=True, check=True) for _ in range(2))
        loaded, ready = map(float, done.stdout.split())
        lines.append(f"| {target.name} | {target.stat().st_size / 1_000:.0f} | {loaded:.2f} s | {ready:.2f} s |")
        assert target.stat().st_size < 2_000_000
        assert loaded + ready < 30
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
