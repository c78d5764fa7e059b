import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

LINES_MAX = 40
MAY_IMPORT = ("flask", "functions_framework", "prograde.entrypoints")
MAINS = sorted(ROOT.glob("functions/*/main.py"))


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=None):
                yield "."
            case ast.ImportFrom(module=str(module)):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case _:
                pass


def is_allowed(module: str) -> bool:
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in MAY_IMPORT)


def test_there_are_three_functions() -> None:
    assert ["fetch_page", "finalize", "start_batch"] == [main.parent.name for main in MAINS]


@pytest.mark.parametrize("main", MAINS, ids=lambda main: main.parent.name)
def test_a_function_imports_the_framework_and_entrypoints_only(main: Path) -> None:
    modules = imported_modules(main.read_text(encoding="utf-8"))

    assert [] == [module for module in modules if not is_allowed(module)]


@pytest.mark.parametrize("main", MAINS, ids=lambda main: main.parent.name)
def test_a_function_fits_on_a_screen(main: Path) -> None:
    assert len(main.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
