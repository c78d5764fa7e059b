"""Buckets and their objects: generations, preconditions, checksums."""

import base64
import hashlib
import struct
import threading
from dataclasses import dataclass
from datetime import UTC, datetime

import google_crc32c

NAME_BYTES_MAX = 1_024


class RefusalError(Exception):
    """What the service answers instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Blob:
    """One generation of an object."""

    bucket: str
    name: str
    generation: int
    content: bytes
    content_type: str

    @property
    def crc32c(self) -> str:
        """The checksum as the API writes it."""
        return base64.b64encode(struct.pack(">I", google_crc32c.value(self.content))).decode()

    @property
    def md5(self) -> str:
        """The hash as the API writes it."""
        return base64.b64encode(hashlib.md5(self.content, usedforsecurity=False).digest()).decode()

    @property
    def resource(self) -> dict[str, str]:
        """The object as the API describes it."""
        now = datetime.now(UTC).isoformat()
        return {
            "kind": "storage#object",
            "bucket": self.bucket,
            "name": self.name,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.content)),
            "contentType": self.content_type,
            "crc32c": self.crc32c,
            "md5Hash": self.md5,
            "timeCreated": now,
            "updated": now,
        }


@dataclass(frozen=True, slots=True)
class Conditions:
    """Preconditions on the present generation: 0 is that of an object that is not there."""

    generation: int | None = None
    not_generation: int | None = None

    def check(self, present: Blob | None) -> None:
        """Refuse when a condition does not hold."""
        generation = present.generation if present else 0
        is_matched = self.generation is None or self.generation == generation
        if not is_matched or self.not_generation == generation:
            raise RefusalError(412, "At least one of the pre-conditions you specified did not hold.")


class Blobs:
    """All objects of all buckets."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._buckets: dict[str, dict[str, Blob]] = {}
        self._generations = 0

    def create_bucket(self, bucket: str) -> None:
        """Make an empty bucket."""
        self._buckets[bucket] = {}

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket and all that is in it."""
        with self._guard:
            del self._buckets[bucket]

    def put(self, bucket: str, name: str, content: bytes, content_type: str, conditions: Conditions) -> Blob:
        """Store a new generation of an object, whole."""
        _check_name(name)
        with self._guard:
            objects = self._bucket(bucket)
            conditions.check(objects.get(name))
            self._generations += 1
            objects[name] = Blob(bucket, name, self._generations, content, content_type)
            return objects[name]

    def check(self, bucket: str, name: str, conditions: Conditions) -> None:
        """Refuse what would be refused at the end."""
        _check_name(name)
        with self._guard:
            conditions.check(self._bucket(bucket).get(name))

    def get(self, bucket: str, name: str) -> Blob:
        """Find an object."""
        with self._guard:
            objects = self._bucket(bucket)
            if name not in objects:
                raise RefusalError(404, f"No such object: {bucket}/{name}")
            return objects[name]

    def names(self, bucket: str, prefix: str) -> list[str]:
        """List the names that begin with a prefix, in the order of their UTF-8."""
        with self._guard:
            found = [name for name in self._bucket(bucket) if name.startswith(prefix)]
        return sorted(found, key=str.encode)

    def delete(self, bucket: str, name: str, conditions: Conditions) -> None:
        """Remove an object."""
        present = self.get(bucket, name)
        with self._guard:
            conditions.check(present)
            del self._bucket(bucket)[name]

    def _bucket(self, bucket: str) -> dict[str, Blob]:
        if bucket not in self._buckets:
            raise RefusalError(404, "The specified bucket does not exist.")
        return self._buckets[bucket]


def _check_name(name: str) -> None:
    is_reserved = name in {"", ".", ".."} or name.startswith(".well-known/acme-challenge/")
    if is_reserved or len(name.encode()) > NAME_BYTES_MAX or "\n" in name or "\r" in name:
        raise RefusalError(400, f"Invalid object name: {name!r}")
