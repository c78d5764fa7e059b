import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prograde.adapters.local.file_blob_store import FileBlobStore
from prograde.domain.export import COLUMNS
from prograde.errors import InputError, NotFoundError
from prograde.use_cases import read_export as reading
from prograde.use_cases.read_export import Export, ExportFile, latest_export, read_rows
from tests.contracts.specimens import BATCH

CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=30)


def published(blobs: FileBlobStore, rows: list[str]) -> tuple[Export, str]:
    """Publish a file of rows that have one telling cell each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([str(number), "A", cell, *[""] * (len(COLUMNS) - 3)] for number, cell in enumerate(rows))
    content = text.getvalue().encode()
    with blobs.staging() as folder:
        (folder / "graded.csv").write_bytes(content)
        (folder / "manifest.json").write_text("{}")
        blobs.publish(f"exports/{BATCH.batch_id}/001", folder)
    file = ExportFile("graded.csv", len(rows), len(content), "")
    return Export(BATCH.batch_id, 1, "", (file,), {}), content.decode()


def walked(blobs: FileBlobStore, export: Export, limit: int, search: str = "") -> list[str]:
    """Read all pages, one after the other."""
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = read_rows(blobs, export, "graded.csv", after, limit, search)
        seen += [row.cells["professional_id"] for row in page.rows]
        after = page.next
    return seen


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(rows=st.lists(CELLS, max_size=20), limit=st.integers(1, 7), block=st.integers(3, 400))
def test_pages_give_every_row_once_wherever_blocks_part_them(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[str],
    limit: int,
    block: int,
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block)
    monkeypatch.setattr(reading, "BLOCKS_MAX", 10_000)
    blobs = FileBlobStore(tmp_path_factory.mktemp("blobs"))
    export, _ = published(blobs, rows)

    assert rows == walked(blobs, export, limit)


@pytest.fixture
def blobs(tmp_path_factory: pytest.TempPathFactory) -> FileBlobStore:
    return FileBlobStore(tmp_path_factory.mktemp("blobs"))


def test_a_search_goes_through_a_bounded_part_and_says_where_to_go_on(
    blobs: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, _ = published(blobs, [f"agent {number}" for number in range(500)])
    monkeypatch.setattr(reading, "SEARCHED_BYTES", 1_000)
    monkeypatch.setattr(reading, "BLOCKS_MAX", 2)

    first = read_rows(blobs, export, "graded.csv", 0, 10, "AGENT 499")

    assert () == first.rows
    assert first.next is not None
    assert ["agent 499"] == walked(blobs, export, 10, "AGENT 499")
    assert [] == walked(blobs, export, 10, "nobody")


def test_a_page_begins_where_a_row_does(blobs: FileBlobStore) -> None:
    export, text = published(blobs, ["one", "two"])
    starts = [0, *(place + 2 for place in range(len(text)) if text.startswith("\r\n", place))]

    for after in range(len(text) + 5):
        if after in starts:
            read_rows(blobs, export, "graded.csv", after, 10)
        else:
            with pytest.raises(InputError):
                read_rows(blobs, export, "graded.csv", after, 10)


def test_what_was_not_published_is_not_found(blobs: FileBlobStore) -> None:
    export, _ = published(blobs, [])
    with pytest.raises(NotFoundError, match=r"there are graded\.csv"):
        read_rows(blobs, export, "state.db", 0, 10)
    with pytest.raises(NotFoundError, match="has no export yet"):
        latest_export(FileBlobStore(blobs._folder / "empty"), BATCH)
