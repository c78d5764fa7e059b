import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel_contents(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("functions", "shared"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=NOT_SOURCE)
    shutil.copy(ROOT / "pyproject.toml", copy)
    build = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "."]
    subprocess.run(build, cwd=copy, check=True, capture_output=True, timeout=120)
    (wheel,) = copy.glob("prograde-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_under(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_the_whole_package(wheel_contents: set[str]) -> None:
    package = {f"prograde/{name}" for name in files_under(ROOT / "shared" / "prograde")}

    assert set() == package - wheel_contents


@pytest.mark.parametrize("function", ["fetch_page", "finalize", "start_batch"])
def test_the_wheel_carries_the_functions(wheel_contents: set[str], function: str) -> None:
    assert f"prograde/functions/{function}/main.py" in wheel_contents
