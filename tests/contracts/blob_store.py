from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from typing_extensions import override

from prograde.errors import NotFoundError
from prograde.ports import BlobStore

NAME = "batches/north/roster.txt"
BINARY = bytes(range(256)) * 41_000


class Interrupted(BytesIO):
    """A stream of two halves, and what happens between them."""

    def __init__(self, between: Callable[[], None]) -> None:
        super().__init__(b"first half, second half")
        self._between = between

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            return super().read(10)
        if self.tell() == 10:
            self._between()
        return super().read(size)


def prepare(folder: Path, text: str) -> Path:
    (folder / "graded.csv").write_text(text, encoding="utf-8")
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    return folder


class BlobStoreContract:
    """What every BlobStore promises."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """Give an empty store."""
        raise NotImplementedError

    def test_a_blob_reads_as_it_was_put(self, blobs: BlobStore) -> None:
        blobs.put(NAME, BytesIO(BINARY))

        assert BINARY == blobs.read(NAME)

    def test_an_empty_blob_is_a_blob(self, blobs: BlobStore) -> None:
        blobs.put(NAME, BytesIO(b""))

        assert b"" == blobs.read(NAME)

    def test_a_name_that_is_taken_keeps_its_blob(self, blobs: BlobStore) -> None:
        blobs.put(NAME, BytesIO(b"first"))

        blobs.put(NAME, BytesIO(b"second"))

        assert b"first" == blobs.read(NAME)

    def test_a_name_that_is_taken_while_a_blob_is_on_its_way_keeps_its_blob(self, blobs: BlobStore) -> None:
        blobs.put(NAME, Interrupted(lambda: blobs.put(NAME, BytesIO(b"quicker"))))

        assert b"quicker" == blobs.read(NAME)

    def test_of_many_who_put_a_name_at_once_one_does_whole(self, blobs: BlobStore) -> None:
        contents = [bytes([letter]) * 100_000 for letter in range(8)]

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda content: blobs.put(NAME, BytesIO(content)), contents))

        assert blobs.read(NAME) in contents

    def test_a_put_that_breaks_off_leaves_nothing_and_the_name_free(self, blobs: BlobStore) -> None:
        def break_off() -> None:
            raise RuntimeError("broken off")

        with pytest.raises(RuntimeError, match="broken off"):
            blobs.put(NAME, Interrupted(break_off))

        with pytest.raises(NotFoundError):
            blobs.read(NAME)
        blobs.put(NAME, BytesIO(b"whole"))
        assert b"whole" == blobs.read(NAME)

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (8, 100, b"89"),
            (0, 0, b""),
            (10, 5, b""),
            (99, 5, b""),
            (99, None, b""),
        ],
    )
    def test_a_range_is_what_lies_in_it(
        self, blobs: BlobStore, offset: int, length: int | None, expected: bytes
    ) -> None:
        blobs.put(NAME, BytesIO(b"0123456789"))

        assert expected == blobs.read(NAME, offset, length)

    @pytest.mark.parametrize("name", ["nothing", "batches", "batches/north", f"{NAME}/below", "batches/north/rost"])
    def test_a_blob_that_is_not_there_is_not_found(self, blobs: BlobStore, name: str) -> None:
        blobs.put(NAME, BytesIO(b"content"))

        with pytest.raises(NotFoundError):
            blobs.read(name)

    def test_the_staging_folder_is_empty_and_gone_afterwards(self, blobs: BlobStore) -> None:
        with blobs.staging() as folder:
            assert [] == list(folder.iterdir())
            prepare(folder, "text")

        assert not folder.exists()

    def test_the_staging_folder_is_gone_after_an_exception_which_passes_through(self, blobs: BlobStore) -> None:
        lent = []

        def break_off() -> None:
            with blobs.staging() as folder:
                lent.append(prepare(folder, "text"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()

        assert not lent[0].exists()

    def test_everybody_has_a_staging_folder_of_their_own(self, blobs: BlobStore) -> None:
        with blobs.staging() as one, blobs.staging() as other:
            assert one != other

    def test_what_is_published_can_be_read(self, blobs: BlobStore) -> None:
        with blobs.staging() as folder:
            blobs.publish("exports/north/001", prepare(folder, "é,🏡\r\n"))

        assert "é,🏡\r\n".encode() == blobs.read("exports/north/001/graded.csv")
        assert b"{}" == blobs.read("exports/north/001/manifest.json")

    def test_what_is_published_stays_as_it_is(self, blobs: BlobStore) -> None:
        places = []
        for text in ("first", "second"):
            with blobs.staging() as folder:
                places.append(blobs.publish("exports/north/001", prepare(folder, text)))

        assert b"first" == blobs.read("exports/north/001/graded.csv")
        assert places[0] == places[1]

    def test_of_many_who_publish_a_prefix_at_once_one_does_whole(self, blobs: BlobStore) -> None:
        def publish(number: int) -> str:
            with blobs.staging() as folder:
                (folder / "other.csv").write_text(str(number), encoding="utf-8")
                return blobs.publish("exports/north/001", prepare(folder, str(number)))

        with ThreadPoolExecutor(8) as threads:
            places = set(threads.map(publish, range(16)))

        assert 1 == len(places)
        assert blobs.read("exports/north/001/graded.csv") == blobs.read("exports/north/001/other.csv")

    def test_a_check_changes_nothing(self, blobs: BlobStore) -> None:
        blobs.check()
        blobs.put(NAME, BytesIO(b"content"))

        blobs.check()

        assert b"content" == blobs.read(NAME)

    def test_each_prefix_is_its_own_export(self, blobs: BlobStore) -> None:
        for number in (1, 2):
            with blobs.staging() as folder:
                blobs.publish(f"exports/north/00{number}", prepare(folder, str(number)))

        assert (b"1", b"2") == (blobs.read("exports/north/001/graded.csv"), blobs.read("exports/north/002/graded.csv"))
