from pathlib import Path

import pytest

from prograde.adapters.local.source_files import SourceFolder
from prograde.entrypoints.web.listed_sources import REMEMBERED_MAX, ListedSource, listed_sources
from tests.house.checkout import ROOT

TEXT = (ROOT / "shared" / "prograde" / "templates" / "sandbox_reso.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SANDBOX_TOKEN", "sandbox")
    (tmp_path / "north.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def listed(folder: Path) -> list[ListedSource]:
    return list(listed_sources(SourceFolder(folder)))


def test_a_text_is_read_once_whatever_its_file_is_called(folder: Path) -> None:
    (before,) = listed(folder)
    (folder / "south.yaml").write_text(TEXT, encoding="utf-8")

    north, south = listed(folder)

    assert ("north", "south") == (north.name, south.name)
    assert north.is_usable
    assert before.rate_limits is north.rate_limits is south.rate_limits


def test_a_file_that_changed_and_a_secret_that_came_or_went_are_seen_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [True] == [file.is_usable for file in listed(folder)]

    monkeypatch.delenv("SANDBOX_TOKEN")
    assert ["SANDBOX_TOKEN is not set, or empty"] == [file.why_not for file in listed(folder)]
    monkeypatch.setenv("SANDBOX_TOKEN", "sandbox")
    assert [True] == [file.is_usable for file in listed(folder)]

    (folder / "north.yaml").write_text(TEXT.replace("name: sandbox_reso", "name: south"), encoding="utf-8")
    assert ["south"] == [file.source for file in listed(folder)]


def test_what_is_remembered_has_a_bound(folder: Path) -> None:
    (before,) = listed(folder)
    for number in range(REMEMBERED_MAX):
        (folder / "south.yaml").write_text(f"name: {number}\n", encoding="utf-8")
        listed(folder)

    north, _ = listed(folder)

    assert before == north
    assert before.rate_limits is not north.rate_limits
