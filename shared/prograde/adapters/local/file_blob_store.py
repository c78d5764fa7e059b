"""Rosters, source snapshots and exports as files below one folder."""

import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from prograde.errors import CorruptionError, NotFoundError, UnavailableError

MANIFEST = "manifest.json"

_log = logging.getLogger(__name__)


class FileBlobStore:
    """BlobStore over a folder; what is not yet whole lies in `.staging` beside it, on the same disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / ".staging"
        with mapped_errors():
            self._staging.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, content: BinaryIO) -> None:
        """Store a blob if the name is free."""
        target = self._path(name)
        with mapped_errors():
            if target.exists():
                # Who puts it means to use it now: a sweep goes by this.
                os.utime(target)
                return
            make_folder(target.parent)
            with tempfile.NamedTemporaryFile(dir=self._staging) as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())
                # A hard link, unlike a rename, never replaces what another writer put there meanwhile.
                with suppress(FileExistsError):
                    os.link(file.name, target)
            sync_folder(target.parent)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Read a blob or a part of it."""
        with mapped_errors():
            try:
                with self._path(name).open("rb") as file:
                    file.seek(offset)
                    return file.read(-1 if length is None else length)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise NotFoundError(f"there is no {name}") from None

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Lend an empty folder on the same disk, so that publishing is one rename; what fails in it fails as ours."""
        with mapped_errors():
            folder = Path(tempfile.mkdtemp(dir=self._staging))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def publish(self, prefix: str, folder: Path) -> str:
        """Rename the folder to the prefix, unless that is published."""
        if not (folder / MANIFEST).is_file():
            raise AssertionError(f"nothing is published without its {MANIFEST}")
        target = self._path(prefix)
        with mapped_errors():
            if not target.exists():
                _sync_files(folder)
                make_folder(target.parent)
                folder.chmod(0o755)
                _rename_unless_taken(folder, target)
                sync_folder(target.parent)
        return str(target)

    def sweep(self, prefix: str, kept: Collection[str], before: datetime) -> None:
        """
        Delete the blobs below a prefix that were put before a moment, but for those to be kept, and empty folders.

        What cannot be deleted stays, and is logged: no one's work waits for this. Nobody puts blobs meanwhile.
        """
        # What lies in a folder comes before the folder.
        for path in sorted(self._path(prefix).rglob("*"), reverse=True):
            name = path.relative_to(self._folder.resolve()).as_posix()
            try:
                if path.is_dir():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif name not in kept and path.stat().st_mtime < before.timestamp():
                    path.unlink()
            except OSError as error:
                _log.warning("an upload that no batch came of stays", extra={"blob": name, "detail": str(error)})

    def sweep_staging(self, before: datetime) -> None:
        """Delete what was left unfinished before a moment; what cannot be deleted stays, and is logged."""
        for path in self._staging.iterdir():
            try:
                if path.stat().st_mtime >= before.timestamp():
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError as error:
                _log.warning("an unfinished file stays", extra={"blob": path.name, "detail": str(error)})

    def check(self) -> None:
        """Look into the folder that everything passes through."""
        with mapped_errors():
            next(self._staging.iterdir(), None)

    def _path(self, name: str) -> Path:
        """Names are ours, never a user's; this holds even so."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise CorruptionError(f"a blob's name leaves the folder: {name!r}")
        return path


def _sync_files(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def _rename_unless_taken(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        # Another finalize was quicker: a folder that holds files is never replaced.
        if not target.exists():
            raise


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the file system's errors into ours: a full disk or a lost mount may pass."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"{error.strerror or error}: {error.filename or 'a file'}") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each name to outlive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
