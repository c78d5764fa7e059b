"""What is Cloud Storage's own about its blob store: lost answers, exports that are chosen, missing buckets."""

from io import BytesIO
from pathlib import Path

import pytest
from google.cloud.storage import Bucket

from prograde.adapters.gcp.cloud_storage_blob_store import CHUNK_BYTES, PUBLISHING, CloudStorageBlobStore
from prograde.errors import NotFoundError, UnavailableError
from tests.emulators.cloud_storage.server import CloudStorageServer

pytestmark = pytest.mark.gcp

PREFIX = "exports/north/001"


@pytest.fixture
def exports(bucket: Bucket) -> Bucket:
    return bucket.client.bucket("exports")


@pytest.fixture
def blobs(bucket: Bucket, exports: Bucket) -> CloudStorageBlobStore:
    return CloudStorageBlobStore(bucket, exports)


def export(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("graded.csv", "ungraded.csv", "manifest.json"):
        (folder / name).write_text(f"{name} of {text}", encoding="utf-8")
    return folder


def published(blobs: CloudStorageBlobStore) -> list[str]:
    return [blobs.read(f"{PREFIX}/{name}").decode() for name in ("graded.csv", "ungraded.csv", "manifest.json")]


@pytest.mark.parametrize("missing", ["blobs", "exports"])
def test_a_check_names_the_bucket_that_is_missing(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, missing: str
) -> None:
    blobs.check()
    cloud_storage_server.blobs.delete_bucket(missing)

    with pytest.raises(UnavailableError, match=rf"/b/{missing}/.*google_storage_bucket\.exports"):
        blobs.check()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("operation", "size"), [("upload", 10), ("start", CHUNK_BYTES + 1), ("chunk", CHUNK_BYTES + 1)]
)
def test_an_upload_that_fails_or_is_not_answered_is_repeated_by_the_client(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, operation: str, size: int, when: str
) -> None:
    cloud_storage_server.faults.fail(operation, 503, when=when)

    blobs.put("a", BytesIO(b"x" * size))

    assert b"x" * size == blobs.read("a")


def test_a_publisher_that_crashed_is_completed_by_the_next_one(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, tmp_path: Path
) -> None:
    cloud_storage_server.faults.fail("rewrite", 404, when="after")
    with pytest.raises(UnavailableError, match="NotFound"):
        blobs.publish(PREFIX, export(tmp_path / "first", "first"))
    assert b"graded.csv of first" == blobs.read(f"{PREFIX}/graded.csv")
    with pytest.raises(NotFoundError):
        blobs.read(f"{PREFIX}/manifest.json")

    blobs.publish(PREFIX, export(tmp_path / "second", "second"))

    assert [f"{name} of first" for name in ("graded.csv", "ungraded.csv", "manifest.json")] == published(blobs)


@pytest.mark.parametrize("operation", ["upload", "rewrite"])
def test_a_name_that_is_taken_may_be_refused_for_want_of_the_permission_to_replace_it(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, tmp_path: Path, operation: str
) -> None:
    cloud_storage_server.faults.fail(operation, 403, when="after")

    blobs.publish(PREFIX, export(tmp_path / "first", "first"))

    assert [f"{name} of first" for name in ("graded.csv", "ungraded.csv", "manifest.json")] == published(blobs)


def test_a_publisher_that_crashed_before_its_choice_leaves_nothing_behind(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, tmp_path: Path
) -> None:
    for step in range(4):
        cloud_storage_server.faults.calls.clear()
        cloud_storage_server.faults.fail("upload", 403)
        with pytest.raises(UnavailableError):
            blobs.publish(PREFIX, export(tmp_path / "first", f"first {step}"))

    blobs.publish(PREFIX, export(tmp_path / "second", "second"))

    assert [f"{name} of second" for name in ("graded.csv", "ungraded.csv", "manifest.json")] == published(blobs)


def test_what_is_there_is_never_written_again(
    blobs: CloudStorageBlobStore, exports: Bucket, cloud_storage_server: CloudStorageServer, tmp_path: Path
) -> None:
    cloud_storage_server.faults.fail("rewrite", 404, when="after")
    with pytest.raises(UnavailableError):
        blobs.publish(PREFIX, export(tmp_path / "export", "it"))
    generation = exports.get_blob(f"{PREFIX}/graded.csv").generation

    blobs.publish(PREFIX, tmp_path / "export")

    assert generation == exports.get_blob(f"{PREFIX}/graded.csv").generation


def test_what_is_published_stays_as_it_is_when_its_traces_are_gone(
    blobs: CloudStorageBlobStore, bucket: Bucket, tmp_path: Path
) -> None:
    blobs.publish(PREFIX, export(tmp_path / "first", "first"))
    for blob in bucket.list_blobs(prefix=f"{PUBLISHING}/"):
        blob.delete()

    blobs.publish(PREFIX, export(tmp_path / "second", "second"))

    assert [f"{name} of first" for name in ("graded.csv", "ungraded.csv", "manifest.json")] == published(blobs)
    assert [] == list(bucket.list_blobs(prefix=f"{PUBLISHING}/"))


def test_the_manifest_is_published_last_and_nothing_else_is_seen(
    blobs: CloudStorageBlobStore, exports: Bucket, tmp_path: Path
) -> None:
    blobs.publish(PREFIX, export(tmp_path / "export", "it"))

    generations = {blob.name: blob.generation for blob in exports.list_blobs()}
    names = sorted(generations, key=lambda name: int(generations[name]))
    assert [f"{PREFIX}/{name}" for name in ("graded.csv", "ungraded.csv", "manifest.json")] == names


def test_an_export_says_where_people_find_it(blobs: CloudStorageBlobStore, tmp_path: Path) -> None:
    assert f"gs://exports/{PREFIX}" == blobs.publish(PREFIX, export(tmp_path / "export", "it"))


def test_a_large_file_is_published_in_chunks(
    blobs: CloudStorageBlobStore, cloud_storage_server: CloudStorageServer, tmp_path: Path
) -> None:
    folder = export(tmp_path / "export", "it")
    (folder / "graded.csv").write_bytes(b"x" * (CHUNK_BYTES + 1))

    blobs.publish(PREFIX, folder)

    assert 2 == cloud_storage_server.faults.calls["chunk"]
    assert CHUNK_BYTES + 1 == len(blobs.read(f"{PREFIX}/graded.csv"))


def test_a_bucket_that_is_missing_or_closed_to_us_may_come(
    blobs: CloudStorageBlobStore, bucket: Bucket, exports: Bucket, cloud_storage_server: CloudStorageServer
) -> None:
    missing = CloudStorageBlobStore(bucket.client.bucket("missing"), exports)
    with pytest.raises(UnavailableError, match="bucket does not exist"):
        missing.put("a", BytesIO(b""))
    with pytest.raises(UnavailableError, match="bucket does not exist"):
        missing.read("a")
    cloud_storage_server.faults.fail("read", 403)
    with pytest.raises(UnavailableError, match="Forbidden"):
        blobs.read("a")


def test_what_fails_while_an_export_is_written_may_pass(blobs: CloudStorageBlobStore) -> None:
    with pytest.raises(UnavailableError), blobs.staging() as folder:
        (folder / "no such folder" / "graded.csv").write_text("", encoding="utf-8")
