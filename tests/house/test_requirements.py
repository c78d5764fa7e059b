import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.checkout import ROOT

ONLY_CLOUD = {"gcp", "google_cloud.py"}
"""What is imported only where the Google clients are installed."""
FILES = sorted(ROOT.glob("requirements/*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def logical_lines(path: Path) -> list[str]:
    joined = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(name: str) -> dict[str, str]:
    requirements = [Requirement(line.split(" --hash")[0]) for line in logical_lines(ROOT / "requirements" / name)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in requirements}


def stated(*groups: str) -> list[Requirement]:
    sections = {
        "core": PROJECT["project"]["dependencies"],
        **PROJECT["project"]["optional-dependencies"],
        **PROJECT["dependency-groups"],
    }
    return [Requirement(line) for group in groups for line in sections[group]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_hashes(path: Path) -> None:
    loose = [line for line in logical_lines(path) if "==" not in line or "--hash=sha256:" not in line]

    assert [] == loose


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_requirements_file_says_where_packages_come_from(path: Path) -> None:
    options = [line for line in logical_lines(path) if line.startswith("-")]

    assert [] == options
    assert "://" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("local.txt", ("core", "local", "build")),
        ("gcp.txt", ("core", "gcp")),
        ("dev.txt", ("core", "local", "gcp", "build", "dev")),
        ("bqemulator.txt", ("bqemulator",)),
        ("schemathesis.txt", ("schemathesis",)),
        ("lock.txt", ("lock",)),
    ],
    ids=["local", "gcp", "dev", "bqemulator", "schemathesis", "lock"],
)
def test_the_pins_satisfy_what_the_project_states(name: str, groups: tuple[str, ...]) -> None:
    pinned = pins(name)
    missed = [
        str(requirement)
        for requirement in stated(*groups)
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    ]

    assert [] == missed


@pytest.mark.parametrize("name", ["local.txt", "gcp.txt"])
def test_development_runs_what_is_deployed(name: str) -> None:
    assert pins(name).items() <= pins("dev.txt").items()


def test_what_one_machine_imports_is_installed_for_it() -> None:
    modules = [path for path in (ROOT / "shared" / "prograde").rglob("*.py") if not ONLY_CLOUD & set(path.parts)]
    imported = {name for path in modules for name in imports(path)} - sys.stdlib_module_names - {"prograde"}
    distributions = packages_distributions()
    installed = pins("local.txt").keys()

    assert {} == {
        name: distributions[name]
        for name in imported
        if not {canonicalize_name(each) for each in distributions[name]} & installed
    }


def imports(path: Path) -> set[str]:
    """The packages that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}
