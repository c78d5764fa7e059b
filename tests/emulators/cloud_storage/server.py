"""
A strict stand-in for Cloud Storage's JSON API, as far as objects go.

Uploads in one request or resumable, ranges, copies, lists, and preconditions that hold. What is not stood in for is
refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.emulators.cloud_storage.blobs import Blob, Blobs, Conditions, RefusalError
from tests.emulators.faults import Faults, permitted
from tests.emulators.loopback import Asked, Loopback, Response

CHUNK_MULTIPLE = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<total>\d+|\*)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, taken apart: the path's segments are decoded one by one."""

    method: str
    segments: tuple[str, ...]
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def conditions(self) -> Conditions:
        """The preconditions asked for; others than those on generations are refused."""
        other = [name for name in self.query if name.startswith("if") and "GenerationMatch" not in name]
        if other or any("Metageneration" in name or "Source" in name for name in self.query):
            raise RefusalError(400, f"not stood in for: {sorted(self.query)}")
        generation, not_generation = self.query.get("ifGenerationMatch"), self.query.get("ifGenerationNotMatch")
        return Conditions(
            None if generation is None else int(generation),
            None if not_generation is None else int(not_generation),
        )


@dataclass(slots=True)
class _Session:
    """A resumable upload under way."""

    bucket: str
    resource: dict[str, Any]
    conditions: Conditions
    content: bytearray = field(default_factory=bytearray)
    done: Response | None = None


class CloudStorageServer(Loopback):
    """Buckets in memory, served over HTTP as long as the context lasts."""

    def __init__(self) -> None:
        self.blobs = Blobs()
        self.faults: Faults[int] = Faults(lambda status: RefusalError(status, f"{status} on demand"))
        self.denied: set[tuple[str, str]] = set()
        """What is not permitted: a permission, and the end of the name of what it is on."""
        self._sessions: dict[str, _Session] = {}
        super().__init__(lambda asked: self.answer(_taken_apart(asked)))

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        try:
            operation, run = self._operation(request)
            self.faults.check(operation, "before")
            response = run()
            self.faults.check(operation, "after")
        except RefusalError as refusal:
            if request.query.get("alt") == "media":
                return Response(refusal.status, refusal.message.encode())
            return _json({"error": {"code": refusal.status, "message": refusal.message}}, refusal.status)
        return response

    def _operation(self, request: Request) -> tuple[str, Callable[[], Response]]:
        match request.method, request.segments:
            case "POST", ("upload", "storage", "v1", "b", bucket, "o"):
                if request.query.get("uploadType") == "multipart":
                    return "upload", lambda: self._upload(bucket, request)
                return "start", lambda: self._start(bucket, request)
            case "PUT", ("upload", "storage", "v1", "b", _, "o"):
                return "chunk", lambda: self._chunk(request)
            case "GET", (*_, "storage", "v1", "b", bucket, "o", name) if request.query.get("alt") == "media":
                return "read", lambda: _media(self.blobs.get(bucket, name), request.headers.get("range"))
            case "GET", ("storage", "v1", "b", bucket, *what):
                return self._look(bucket, what, request)
            case "POST", ("storage", "v1", "b", bucket, "o", name, "rewriteTo", "b", other, "o", target):
                return "rewrite", lambda: self._rewrite(self.blobs.get(bucket, name), other, target, request)
            case "DELETE", ("storage", "v1", "b", bucket, "o", name):
                return "delete", lambda: self._delete(bucket, name, request)
            case _:
                raise RefusalError(400, f"not stood in for: {request.method} {'/'.join(request.segments)}")

    def _look(self, bucket: str, what: list[str], request: Request) -> tuple[str, Callable[[], Response]]:
        match what:
            case ["o", name]:
                return "get", lambda: _json(self.blobs.get(bucket, name).resource)
            case ["o"]:
                return "list", lambda: self._list(bucket, request.query.get("prefix", ""))
            case ["iam", "testPermissions"]:
                return "permissions", lambda: self._permissions(bucket, request.query["permissions"].split(","))
            case _:
                raise RefusalError(400, f"not stood in for: {request.method} {'/'.join(request.segments)}")

    # --- operations

    def _upload(self, bucket: str, request: Request) -> Response:
        resource, content_type, content = _related(request)
        return self._store(bucket, resource, content, content_type, request.conditions)

    def _start(self, bucket: str, request: Request) -> Response:
        if request.query.get("uploadType") != "resumable":
            raise RefusalError(400, "an upload is multipart or resumable here")
        resource = json.loads(request.body)
        self.blobs.check(bucket, resource["name"], request.conditions)
        upload_id = f"upload-{len(self._sessions)}"
        self._sessions[upload_id] = _Session(bucket, resource, request.conditions)
        place = f"{self.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload_id}"
        return Response(200, headers={"Location": place})

    def _chunk(self, request: Request) -> Response:
        session = self._sessions.get(request.query.get("upload_id", ""))
        found = _CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
        if session is None or found is None:
            raise RefusalError(404 if session is None else 400, "no such upload, or no Content-Range")
        if found["first"] is not None:
            first, last = int(found["first"]), int(found["last"])
            if first > len(session.content) or last - first + 1 != len(request.body):
                raise RefusalError(503, "a chunk must follow the one before it")
            # What is held already may be sent again, as it is when an answer was lost.
            session.content += request.body[len(session.content) - first :]
        if found["total"] == "*" or int(found["total"]) != len(session.content):
            if len(session.content) % CHUNK_MULTIPLE:
                raise RefusalError(400, "a chunk must be a multiple of 256 KiB, but for the last one")
            held = {"Range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
            return Response(308, headers=held)
        if session.done is None:
            content_type = str(session.resource.get("contentType", "application/octet-stream"))
            content = bytes(session.content)
            session.done = self._store(session.bucket, session.resource, content, content_type, session.conditions)
        return session.done

    def _store(
        self, bucket: str, resource: dict[str, Any], content: bytes, content_type: str, conditions: Conditions
    ) -> Response:
        expected = Blob(bucket, resource["name"], 0, content, content_type)
        if resource.get("crc32c", expected.crc32c) != expected.crc32c:
            raise RefusalError(400, "Provided CRC32C doesn't match the content")
        if resource.get("md5Hash", expected.md5) != expected.md5:
            raise RefusalError(400, "Provided MD5 hash doesn't match the content")
        return _json(self.blobs.put(bucket, resource["name"], content, content_type, conditions).resource)

    def _rewrite(self, source: Blob, bucket: str, name: str, request: Request) -> Response:
        blob = self.blobs.put(bucket, name, source.content, source.content_type, request.conditions)
        size = str(len(source.content))
        return _json({"totalBytesRewritten": size, "objectSize": size, "done": True, "resource": blob.resource})

    def _list(self, bucket: str, prefix: str) -> Response:
        return _json({"items": [self.blobs.get(bucket, name).resource for name in self.blobs.names(bucket, prefix)]})

    def _permissions(self, bucket: str, wanted: list[str]) -> Response:
        self.blobs.names(bucket, "")
        return _json({"permissions": permitted(self.denied, bucket, wanted)})

    def _delete(self, bucket: str, name: str, request: Request) -> Response:
        self.blobs.delete(bucket, name, request.conditions)
        return Response(204)


def _related(request: Request) -> tuple[dict[str, Any], str, bytes]:
    """Take a multipart/related body apart: the resource, the content's type and the content."""
    boundary = request.headers["content-type"].split("boundary=")[1].strip("\"'").encode()
    _, described, contained, _ = request.body.split(b"--" + boundary, 3)
    resource = json.loads(described.split(b"\r\n\r\n", 1)[1])
    head, content = contained.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
    return resource, head.decode().split(": ")[1].strip(), content.removesuffix(b"\r\n")


def _media(blob: Blob, wanted: str | None) -> Response:
    headers = {
        "Content-Type": blob.content_type,
        "x-goog-generation": str(blob.generation),
        "x-goog-hash": f"crc32c={blob.crc32c},md5={blob.md5}",
    }
    size = len(blob.content)
    if wanted is None:
        return Response(200, blob.content, headers)
    found = _RANGE.fullmatch(wanted)
    if found is None:
        raise RefusalError(400, f"not stood in for: Range {wanted}")
    first, last = int(found[1]), min(size - 1, int(found[2] or size))
    if first >= size or first > last:
        raise RefusalError(416, "Request range not satisfiable")
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(206, blob.content[first : last + 1], headers)


def _json(content: object, status: int = 200) -> Response:
    return Response(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def _taken_apart(asked: Asked) -> Request:
    url = urlsplit(asked.path)
    segments = tuple(unquote(segment) for segment in url.path.strip("/").split("/"))
    query = {name: ",".join(values) for name, values in parse_qs(url.query).items()}
    return Request(asked.method, segments, query, asked.headers, asked.body)
