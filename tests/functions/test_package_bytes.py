"""What is deployed: the same bytes of the same files, and no more than a function needs."""

import os
import re
import zipfile
from pathlib import Path

import pytest

from infra.package import FUNCTIONS, REQUIREMENTS, ROOT, package

LEFT_OUT = re.compile(r"prograde/(adapters/local|sandbox|templates|bootstrap/local_machine|entrypoints/(cli|session))")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_packaged_twice_is_the_same_to_the_byte(function: str, tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        contents.append(package(function, tmp_path / name).read_bytes())
        os.utime(ROOT / "functions" / function / "main.py")

    assert contents[0] == contents[1]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_has_its_main_and_what_it_needs_and_nothing_of_one_machine(function: str, tmp_path: Path) -> None:
    target = package(function, tmp_path)

    assert f"{function.replace('_', '-')}.zip" == target.name
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert sorted(names) == names
        assert (ROOT / "functions" / function / "main.py").read_bytes() == archive.read("main.py")
        assert REQUIREMENTS.read_bytes() == archive.read("requirements.txt")
        assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in archive.infolist()}
        assert {0o644} == {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert {"prograde/bootstrap/google_cloud.py", "prograde/adapters/sql/differences.sql"} <= set(names)
    assert [] == [name for name in names if LEFT_OUT.match(name)]


def test_no_package_asks_for_what_only_one_machine_needs() -> None:
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert {"google-cloud-firestore", "functions-framework", "pydantic"} <= pinned
    # Flask brings click along.
    assert set() == pinned & {"duckdb", "rich", "sqlglot", "pytest", "setuptools"}
