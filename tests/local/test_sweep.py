import os
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from prograde.adapters.local.file_blob_store import FileBlobStore

UPLOAD = "batches/uploads/0a.csv"
ROSTER = "batches/north/roster.txt"
DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a store's folder with an upload and a roster that are two days old."""
    blobs = FileBlobStore(tmp_path)
    two_days_ago = datetime.now(UTC).timestamp() - 2 * DAY.total_seconds()
    for name in (UPLOAD, ROSTER):
        blobs.put(name, BytesIO(b"A1\n"))
        os.utime(tmp_path / name, (two_days_ago, two_days_ago))
    return tmp_path


def sweep(folder: Path, *kept: str) -> list[str]:
    """Sweep what is older than a day, and tell what is left."""
    FileBlobStore(folder).sweep("batches", kept, datetime.now(UTC) - DAY)
    return sorted(path.relative_to(folder).as_posix() for path in (folder / "batches").rglob("*"))


def test_what_is_old_and_not_kept_goes_with_its_folder(folder: Path) -> None:
    assert ["batches/north", ROSTER] == sweep(folder, ROSTER)
    assert [] == sweep(folder)
    assert (folder / "batches").is_dir()


def test_what_was_put_again_just_now_stays(folder: Path) -> None:
    FileBlobStore(folder).put(UPLOAD, BytesIO(b"A1\n"))

    assert UPLOAD in sweep(folder)


def test_what_cannot_be_deleted_stays_and_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "batches" / "loop").symlink_to("loop")

    assert ["batches/loop"] == sweep(folder)

    (record,) = caplog.records
    assert "batches/loop" == record.__dict__["blob"]


def test_what_a_dead_process_left_unfinished_goes_and_what_is_being_written_stays(folder: Path) -> None:
    staging = folder / ".staging"
    for name in ("dead", "alive"):
        (staging / name).mkdir()
        (staging / name / "graded.csv").write_bytes(b"rank\n")
    (staging / "roster").write_bytes(b"A1\n")
    for name in ("dead", "roster"):
        os.utime(staging / name, (0, 0))

    FileBlobStore(folder).sweep_staging(datetime.now(UTC) - DAY)

    assert ["alive"] == [path.name for path in staging.iterdir()]


def test_where_nothing_was_stored_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    FileBlobStore(tmp_path).sweep("batches", (), datetime.now(UTC))

    assert [] == list((tmp_path / ".staging").iterdir())
