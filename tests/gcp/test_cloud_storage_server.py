"""The stand-in for Cloud Storage is as strict as Cloud Storage."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket

from tests.emulators.cloud_storage.server import CHUNK_MULTIPLE, CloudStorageServer

pytestmark = pytest.mark.gcp

BIG = bytes(range(256)) * 3_500


def test_an_object_reads_as_it_was_written(bucket: Bucket) -> None:
    bucket.blob("a/é b").upload_from_string(b"\r\n--x\r\n\x00", content_type="text/csv")

    blob = bucket.get_blob("a/é b")
    assert (b"\r\n--x\r\n\x00", "text/csv", 8) == (blob.download_as_bytes(), blob.content_type, blob.size)


def test_an_upload_in_chunks_is_there_when_the_last_one_is(
    bucket: Bucket, cloud_storage_server: CloudStorageServer
) -> None:
    blob = bucket.blob("big", chunk_size=CHUNK_MULTIPLE)

    blob.upload_from_file(io.BytesIO(BIG), size=None)

    assert BIG == blob.download_as_bytes()
    assert 4 == cloud_storage_server.faults.calls["chunk"]


def test_a_chunk_of_another_size_is_refused(bucket: Bucket, cloud_storage_server: CloudStorageServer) -> None:
    base = f"{cloud_storage_server.url}/upload/storage/v1/b/blobs/o?uploadType=resumable"
    place = requests.post(base, json={"name": "a"}, timeout=5).headers["Location"]

    refused = requests.put(place, b"x" * 10, headers={"Content-Range": "bytes 0-9/*"}, timeout=5)

    assert 400 == refused.status_code
    assert not bucket.blob("a").exists()


def test_generation_preconditions_hold(bucket: Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string(b"first", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"second", if_generation_match=0)
    generation = bucket.get_blob("a").generation

    blob.upload_from_string(b"third", if_generation_match=generation)

    assert b"third" == blob.download_as_bytes()
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=generation)


def test_a_precondition_is_checked_again_when_an_upload_ends(bucket: Bucket) -> None:
    class Overtaken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() == CHUNK_MULTIPLE:
                bucket.blob("a").upload_from_string(b"quicker")
            return super().read(size)

    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("a", chunk_size=CHUNK_MULTIPLE).upload_from_file(Overtaken(BIG), size=None, if_generation_match=0)

    assert b"quicker" == bucket.blob("a").download_as_bytes()


def test_of_many_who_create_an_object_one_does(bucket: Bucket) -> None:
    def create(number: int) -> bool:
        try:
            bucket.blob("a").upload_from_string(str(number), if_generation_match=0)
        except exceptions.PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(create, range(16)))

    assert 1 == sum(created)
    assert str(created.index(True)).encode() == bucket.blob("a").download_as_bytes()


def test_a_copy_is_made_by_the_server_unless_its_name_is_taken(bucket: Bucket) -> None:
    bucket.blob("a").upload_from_string(b"content")

    bucket.blob("b/c").rewrite(bucket.blob("a"), if_generation_match=0)

    assert b"content" == bucket.blob("b/c").download_as_bytes()
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("b/c").rewrite(bucket.blob("a"), if_generation_match=0)


def test_a_range_that_begins_behind_the_end_cannot_be_satisfied(bucket: Bucket) -> None:
    bucket.blob("a").upload_from_string(b"0123456789")

    assert b"789" == bucket.blob("a").download_as_bytes(start=7, end=99)
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        bucket.blob("a").download_as_bytes(start=10)


def test_names_are_listed_by_prefix_in_order(bucket: Bucket) -> None:
    for name in ("b/2", "a", "b/1", "c"):
        bucket.blob(name).upload_from_string(b"")

    assert ["b/1", "b/2"] == [blob.name for blob in bucket.list_blobs(prefix="b/")]


def test_content_that_was_damaged_on_its_way_is_refused(bucket: Bucket) -> None:
    blob = bucket.blob("a")
    blob.md5_hash = "1B2M2Y8AsgTpgAmY7PhCfg=="

    with pytest.raises(exceptions.BadRequest, match="MD5"):
        blob.upload_from_string(b"content")

    assert not bucket.blob("a").exists()


def test_what_is_not_there_is_not_found(bucket: Bucket) -> None:
    with pytest.raises(exceptions.NotFound, match="No such object: blobs/a"):
        bucket.blob("a").download_as_bytes()
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        bucket.client.bucket("other").blob("a").upload_from_string(b"")


@pytest.mark.parametrize("name", [".", "..", "a\nb", "x" * 1_025])
def test_some_names_are_refused(bucket: Bucket, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid object name"):
        bucket.blob(name).upload_from_string(b"")


def test_what_is_not_stood_in_for_is_refused(bucket: Bucket) -> None:
    with pytest.raises(exceptions.BadRequest, match="not stood in for"):
        bucket.reload()
    with pytest.raises(exceptions.BadRequest, match="not stood in for"):
        bucket.blob("a").upload_from_string(b"", if_metageneration_match=1)


@pytest.mark.parametrize(("when", "is_done"), [("before", False), ("after", True)])
def test_a_call_fails_on_demand(
    bucket: Bucket, cloud_storage_server: CloudStorageServer, when: str, *, is_done: bool
) -> None:
    cloud_storage_server.faults.fail("upload", 403, when=when)

    with pytest.raises(exceptions.Forbidden):
        bucket.blob("a").upload_from_string(b"")

    assert is_done == bucket.blob("a").exists()
