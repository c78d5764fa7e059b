import ast
import re
from pathlib import Path

from tests.house.checkout import ROOT, relative, written_files

LINES_MAX = 500
DECISION_LINES_MAX = 30
README_LINES_MAX = 120
VAGUE_NAMES = {"common", "helpers", "manager", "utils"}
# Spelt in parts, so that this file does not name what it looks for.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs", "org"), ("proxy", "golang", "org"))
]
HOME_FOLDERS = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work)/\w")


def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def imports_mock(path: Path) -> bool:
    for node in ast.walk(ast.parse(read_text(path))):
        match node:
            case ast.Import() if any(alias.name in {"mock", "unittest.mock"} for alias in node.names):
                return True
            case ast.ImportFrom(module="mock" | "unittest.mock"):
                return True
            case ast.ImportFrom(module="unittest") if any(alias.name == "mock" for alias in node.names):
                return True
            case _:
                pass
    return False


def test_no_file_names_a_package_registry() -> None:
    found = [relative(path) for path in written_files() if any(host in read_text(path) for host in REGISTRY_HOSTS)]

    assert [] == found


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = [relative(path) for path in written_files() if HOME_FOLDERS.search(read_text(path))]

    assert [] == found


def test_nothing_is_mocked() -> None:
    assert [] == [relative(path) for path in written_files(".py") if imports_mock(path)]


def test_no_module_has_a_vague_name() -> None:
    found = [relative(path) for path in written_files(".py") if {path.stem, path.parent.name} & VAGUE_NAMES]

    assert [] == found


def test_no_module_is_too_long_to_read() -> None:
    found = [relative(path) for path in written_files(".py") if len(read_text(path).splitlines()) > LINES_MAX]

    assert [] == found


def test_the_readme_is_short() -> None:
    assert len(read_text(ROOT / "README.md").splitlines()) <= README_LINES_MAX


def test_decisions_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in ROOT.glob("docs/decisions/*.md"))

    assert list(range(1, len(names) + 1)) == [int(name[:4]) for name in names]


def test_decisions_are_short() -> None:
    decisions = ROOT.glob("docs/decisions/*.md")

    assert [] == [path.name for path in decisions if len(read_text(path).splitlines()) > DECISION_LINES_MAX]


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", read_text(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)

    assert "Unreleased" == headings[0]
