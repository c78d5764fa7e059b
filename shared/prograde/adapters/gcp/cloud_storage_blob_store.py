"""Rosters, source snapshots and exports in Cloud Storage."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed, RequestRangeNotSatisfiable
from google.cloud.storage import Blob, Bucket
from google.cloud.storage.retry import DEFAULT_RETRY

from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.errors import NotFoundError, UnavailableError

EXPORTS = "exports/"
"""What is published lies below this prefix."""
MANIFEST = "manifest.json"
PUBLISHING = ".publishing"
"""What is on its way to be published lies below this prefix; a lifecycle rule deletes it after a month."""
CHUNK_BYTES = 8 * 1024 * 1024
_SERVICE = "Cloud Storage"
_RETRY = DEFAULT_RETRY.with_timeout(30.0)


class CloudStorageBlobStore:
    """
    BlobStore over two buckets: one of our own, and one of exports, which shows nothing but what is published.

    Nothing that is there is ever replaced: every write asks for generation 0.
    """

    def __init__(self, state: Bucket, exports: Bucket) -> None:
        self._state = state
        self._exports = exports

    def put(self, name: str, content: BinaryIO) -> None:
        """Store a blob if the name is free; it is read to its end first, so that what breaks off leaves nothing."""
        with tempfile.SpooledTemporaryFile(max_size=CHUNK_BYTES) as whole:
            shutil.copyfileobj(content, whole)
            size = whole.tell()
            whole.seek(0)
            self._upload(name, cast("BinaryIO", whole), size)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Read a blob or a part of it."""
        blob = self._blob(name)
        start = offset or None
        # A range has at least one byte: one is asked for, and thrown away, where none is wanted.
        end = None if length is None else offset + max(length, 1) - 1
        with mapped_errors(_SERVICE):
            try:
                content: bytes = blob.download_as_bytes(start=start, end=end, retry=_RETRY)
            except RequestRangeNotSatisfiable:
                return b""
            except NotFound as error:
                if "No such object" not in str(error):
                    raise
                raise NotFoundError(f"there is no {name}") from error
        return content if length is None else content[:length]

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Lend an empty folder on the instance; what fails in it fails as ours."""
        try:
            with tempfile.TemporaryDirectory(prefix="prograde-") as folder:
                yield Path(folder)
        except OSError as error:
            raise UnavailableError(f"{error.strerror or error}: {error.filename or 'a file'}") from error

    def publish(self, prefix: str, folder: Path) -> str:
        """
        Publish the folder's files under the prefix, unless that is published.

        Cloud Storage moves no folders. So whoever comes first chooses whose files are published, in one atomic write;
        everybody, also who takes over from a crashed one, copies the chosen files, and the manifest last.
        """
        names = sorted((path.name for path in folder.iterdir()), key=lambda name: (name == MANIFEST, name))
        assert prefix.startswith(EXPORTS), f"{prefix} is not published below {EXPORTS}"
        if MANIFEST not in names:
            raise AssertionError(f"nothing is published without its {MANIFEST}")
        if not self._exists(f"{prefix}/{MANIFEST}"):
            uploaded = f"{PUBLISHING}/{_digest(folder, names)}"
            for name in names:
                with (folder / name).open("rb") as file:
                    self._upload(f"{uploaded}/{name}", file, (folder / name).stat().st_size)
            choice = f"{PUBLISHING}/{prefix}"
            self.put(choice, BytesIO("\n".join([uploaded, *names]).encode()))
            chosen, *names = self.read(choice).decode().split("\n")
            for name in names:
                self._copy(f"{chosen}/{name}", f"{prefix}/{name}")
        return f"gs://{self._exports.name}/{prefix}"

    def check(self) -> None:
        """List both buckets, as far as their first object."""
        with mapped_errors(_SERVICE):
            for bucket in (self._state, self._exports):
                list(bucket.list_blobs(max_results=1, retry=_RETRY))

    def _upload(self, name: str, content: BinaryIO, size: int) -> None:
        blob = self._blob(name)
        with _kept(blob):
            blob.upload_from_file(content, size=size, if_generation_match=0, retry=_RETRY)

    def _copy(self, name: str, target: str) -> None:
        source, blob = self._blob(name), self._blob(target)
        token: str | None = None
        with _kept(blob):
            while True:
                token, _, _ = blob.rewrite(source, token=token, if_generation_match=0, retry=_RETRY)
                if token is None:
                    return

    def _blob(self, name: str) -> Blob:
        bucket = self._exports if name.startswith(EXPORTS) else self._state
        return bucket.blob(name, chunk_size=CHUNK_BYTES)

    def _exists(self, name: str) -> bool:
        with mapped_errors(_SERVICE):
            return bool(self._blob(name).exists(retry=_RETRY))


@contextmanager
def _kept(blob: Blob) -> Iterator[None]:
    """Leave a name that is taken as it is."""
    with mapped_errors(_SERVICE):
        try:
            yield
        except PreconditionFailed:
            return
        except Forbidden:
            # Nobody here may replace anything: that may be what is refused, before the precondition is looked at.
            if not blob.exists(retry=_RETRY):
                raise


def _digest(folder: Path, names: list[str]) -> str:
    """Name a folder by its content: equal exports are uploaded once, different ones never mix."""
    digest = sha256()
    for name in names:
        with (folder / name).open("rb") as file:
            digest.update(f"{len(name)}:{name}".encode() + file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
