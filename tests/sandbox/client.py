"""A client of the practice API that follows links and nothing else."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from prograde.sandbox import SandboxServer

PAGES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: http.client.HTTPMessage


def ask(url: str, *, method: str = "GET", token: str | None = "sandbox", host: str | None = None) -> Answer:
    parts = urlsplit(url)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if host:
        headers["Host"] = host
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()), response.headers)
    finally:
        connection.close()


@contextmanager
def calling(server: SandboxServer, target: str = "/reso/odata/Member") -> Iterator[socket.socket]:
    """A connection over which one call was sent, and nothing read yet."""
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer sandbox\r\nConnection: close"
        connection.sendall(f"{head}\r\n\r\n".encode())
        yield connection


def ask_reso(server: SandboxServer, resource: str, **options: object) -> Answer:
    """Query a resource: `filter="..."` becomes `$filter=...`."""
    query = urlencode({f"${name}": str(value) for name, value in options.items()}, quote_via=quote)
    return ask(f"{server.reso_url}/{resource}?{query}")


def every_page(server: SandboxServer, resource: str, **options: object) -> Iterator[list[dict[str, Any]]]:
    answer = ask_reso(server, resource, **options)
    for _ in range(PAGES_MAX):
        assert answer.status == 200, answer.body
        yield answer.body["value"]
        following = answer.body.get("@odata.nextLink")
        if following is None:
            return
        answer = ask(following)
    raise AssertionError("the pages have no end")


def every_record(server: SandboxServer, resource: str, **options: object) -> list[dict[str, Any]]:
    return [record for page in every_page(server, resource, **options) for record in page]
