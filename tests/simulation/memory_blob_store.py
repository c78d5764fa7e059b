"""Blobs in a dictionary; what is published stays in sight of the auditor."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from typing_extensions import override

from prograde.errors import NotFoundError
from prograde.ports import BlobStore


class MemoryBlobStore(BlobStore):
    """BlobStore; `published` holds every attempt to publish a prefix, of which the first one counts."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._guard = threading.Lock()
        self.published: dict[str, list[dict[str, bytes]]] = {}

    @override
    def put(self, name: str, content: BinaryIO) -> None:
        parts = []
        while part := content.read(1024 * 1024):
            parts.append(part)
        self._blobs.setdefault(name, b"".join(parts))

    @override
    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if name not in self._blobs:
            raise NotFoundError(f"there is no blob {name}")
        return self._blobs[name][offset : None if length is None else offset + length]

    @override
    @contextmanager
    def staging(self) -> Iterator[Path]:
        with TemporaryDirectory(prefix="prograde-simulation-") as folder:
            yield Path(folder)

    @override
    def publish(self, prefix: str, folder: Path) -> str:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        with self._guard:
            self.published.setdefault(prefix, []).append(files)
            if f"{prefix}/manifest.json" not in self._blobs:
                self._blobs |= {f"{prefix}/{name}": content for name, content in files.items()}
        return prefix

    @override
    def check(self) -> None:
        pass
