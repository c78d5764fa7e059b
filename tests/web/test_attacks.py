"""Attacks on the service, over real HTTP; the table in docs/security.md is made of these tests."""

import csv
import io
import json
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
import requests
from standardwebhooks import Webhook

from prograde.entrypoints import web_server
from prograde.entrypoints.web.guard import HEADERS
from prograde.settings import WEBHOOK_SECRET
from tests.house.checkout import ROOT
from tests.web.service import Service

Attack = Callable[..., None]

ATTACKS: dict[str, tuple[str, str]] = {}
"""What is tried and what comes of it, by the name of the test that tries it."""
ORDER = {"source": "source", "professionals": ["A000001"]}
TASK_PATHS = ["/tasks/seed", "/tasks/wake", "/tasks/supervise", "/tasks/scheduled-batch"]


def attack(tried: str, outcome: str) -> Callable[[Attack], Attack]:
    """Enter a test in the table."""

    def enter(test: Attack) -> Attack:
        ATTACKS[test.__name__] = (tried, outcome)
        return test

    return enter


def raw(service: Service, request: bytes, *, patience: float = 10.0) -> bytes:
    """Send bytes as they are, and read what comes back until the connection closes."""
    url = urlsplit(service.url)
    with socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=patience) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def batch_ids(service: Service) -> list[str]:
    return [batch["batch_id"] for batch in service.get("/v1/batches").json()["batches"]]


@attack(
    'A formula for an id or a name, `=HYPERLINK("http://evil")`',
    "The cell begins with an apostrophe in every file: a spreadsheet shows it as text",
)
def test_a_formula_in_a_cell(service: Service) -> None:
    evil = '=HYPERLINK("http://evil")'
    response = service.post("/v1/batches", 202, json={**ORDER, "professionals": [evil, "@SUM(1)", "+1-2", "A000001"]})
    batch_id = service.finished(response.json()["batch_id"])
    for file in service.get(f"/v1/batches/{batch_id}/exports").json()["exports"][0]["files"]:
        text = service.get(f"/v1/batches/{batch_id}/exports/1/{file['name']}").content.decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert [] == [cell for cell in cells if cell.lstrip().startswith(("=H", "@S", "+1-2"))], file["name"]
    rows = service.get(f"/v1/batches/{batch_id}/grades?grade=none").json()["rows"]
    assert f"'{evil}" in [row["professional_id"] for row in rows]


@attack(
    "A script for an id, a search or a path, `<script>alert(1)</script>`",
    "Escaped wherever a page shows it, and the Content-Security-Policy runs no script but our own file",
)
def test_a_script_in_a_name(service: Service) -> None:
    script = "<script>alert(1)</script>"
    batch_id = service.finished(service.ordered([script, "A000001"]))
    browser = {"Accept": "text/html"}
    for path in (
        f"/batches/{batch_id}",
        f"/batches/{batch_id}/professionals",
        f"/batches/{batch_id}/professionals?search={quote(script)}",
        f"/batches/{batch_id}/professionals/{quote(script)}",
        f"/batches/{quote(script)}",
        f"/{quote(script)}",
    ):
        page = requests.get(f"{service.url}{path}", headers=browser, timeout=30)
        assert script not in page.text
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    shown = service.get(f"/v1/batches/{batch_id}/professionals/{quote(script)}")
    assert ("application/json", "nosniff") == (shown.headers["Content-Type"], shown.headers["X-Content-Type-Options"])


@attack(
    "A path for an id, a source or a file, `../../state.db`, `%2e%2e%2f`, `/etc/passwd`",
    "404: ids and names have to match a pattern, and a file has to be one that the manifest names",
)
def test_a_path_for_an_id(service: Service, finished: str) -> None:
    for path in ("..%2f..%2fstate.db", "%2e%2e/%2e%2e/state.db", "..%5c..%5cstate.db", "%00", "%2fetc%2fpasswd"):
        for place in (f"/v1/batches/{path}", f"/v1/batches/{finished}/exports/1/{path}", f"/assets/{path}"):
            answer = raw(service, f"GET {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            assert b"404" == answer.split(b" ")[1]
    for source in ("../source", "/etc/passwd", "source.yaml", "..", ""):
        service.post("/v1/batches", 404, json={**ORDER, "source": source})
    for roster in ("rosters/../batches/x.csv", "/etc/passwd", "rosters/..", "batches/x.csv"):
        service.post("/v1/batches", 400, json={"source": "source", "roster": roster})


@attack(
    "An upload of 5 GB, its length told or not",
    "413: at once, or up to 1 GB when it has come and was thrown away; its length untold, when 40 MB have come",
)
def test_an_upload_without_end(service: Service) -> None:
    head = b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    told = raw(service, head + b"Content-Length: 5000000000\r\n\r\n--x\r\n")
    assert b"413" == told.split(b" ")[1]
    assert b"send at most 32 MB; of a roster, send the professional_id column alone" in told

    url = urlsplit(service.url)
    chunk = b"10000\r\n" + b"A" * 0x10000 + b"\r\n"
    sent = 0
    with socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=30) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 5_000_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # hung up on
    assert sent < 3 * web_server.BODY_BYTES_MAX
    service.get("/healthz")


@attack("An order of more than 32 MB, or a body of more than 1 MB elsewhere", "413, before any of it is parsed")
def test_a_body_that_is_too_large(service: Service) -> None:
    form = {"roster": ("roster.csv", io.BytesIO(b"professional_id\n" + b"A" * 33_000_000))}
    service.post("/v1/batches", 413, data={"source": "source"}, files=form)
    webhook = {"Content-Type": "application/json"}
    service.post("/v1/webhooks/batches", 413, data=b" " * 1_000_001, headers=webhook)
    service.post("/v1/batches/any/pause", 413, data=b" " * 1_000_001)


@attack(
    "A form of 10,000 fields, JSON nested 500 deep, a compressed body",
    "413, 400 and 400: the parts of a form are counted, nesting is bounded, and nothing is ever unpacked",
)
def test_a_body_that_costs_more_than_it_weighs(service: Service) -> None:
    parts = {f"field{number}": (None, "x") for number in range(10_000)}
    service.post("/v1/batches", 413, files=parts)
    json_type = {"Content-Type": "application/json"}
    service.post("/v1/batches", 400, data=b'{"a":' * 500 + b"1" + b"}" * 500, headers=json_type)
    service.post("/v1/batches", 400, data=b"\x1f\x8b\x08\x00", headers={**json_type, "Content-Encoding": "gzip"})


@attack(
    "A body that comes a byte at a time",
    "The connection is closed after a minute; meanwhile everybody else is served, for it holds no thread",
)
def test_a_slow_body(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "ARRIVAL_SECONDS_MAX", 1.0)
    url = urlsplit(service.url)
    head = b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
    slow = [socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=10) for _ in range(20)]
    started = time.monotonic()
    try:
        for connection in slow:
            connection.sendall(head)
        service.get("/healthz")
        assert time.monotonic() - started < 5
        assert [b""] * 20 == [_trickled(connection, started + 10) for connection in slow]
    finally:
        for connection in slow:
            connection.close()


def _trickled(connection: socket.socket, end: float) -> bytes:
    """Send a byte now and then until the connection is closed; give what came back."""
    connection.settimeout(0.1)
    while time.monotonic() < end:
        try:
            connection.sendall(b"A")
            return connection.recv(1)
        except TimeoutError:
            continue
        except OSError:
            return b""
    raise AssertionError("the connection is still open")


@attack(
    "A task with forged headers of Cloud Tasks or Cloud Scheduler",
    "401: on one machine only this process delivers tasks, in the cloud a token that Google signed says who calls",
)
def test_forged_task_headers(service: Service) -> None:
    headers = {
        "X-CloudTasks-TaskName": "x",
        "X-CloudTasks-QueueName": "control",
        "X-CloudScheduler": "true",
        "X-AppEngine-QueueName": "control",
        "Authorization": "Bearer e30.e30.e30",
        "Prograde.In-Process": "1",
        "User-Agent": "Google-Cloud-Tasks",
    }
    for path in TASK_PATHS:
        service.post(path, 401, data=b"{}", headers=headers)


@attack(
    "A webhook that is sent again, changed, signed with a retired secret, or kept for later",
    "The same batch and nothing new; 401; 401; 401 after five minutes",
)
def test_a_replayed_webhook(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, retired = f"whsec_{'Q' * 40}", f"whsec_{'E' * 40}"
    monkeypatch.setenv(WEBHOOK_SECRET, secret)
    body = json.dumps({"type": "batch.ordered", "data": ORDER})

    def sent(status: int, key: str = secret, age: timedelta = timedelta(), body_sent: str = body) -> str:
        at = datetime.now(UTC) - age
        headers = {
            "Content-Type": "application/json",
            "webhook-id": "msg_replayed",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(key).sign("msg_replayed", at, body),
        }
        response = service.post("/v1/webhooks/batches", status, data=body_sent, headers=headers)
        return response.headers.get("Location", "")

    first = sent(202)
    after = batch_ids(service)
    assert first == sent(202)
    sent(401, body_sent=body.replace("A000001", "A000002"))
    sent(401, key=retired)
    sent(401, age=timedelta(minutes=6))
    assert after == batch_ids(service)


@attack(
    "A form or a script of another site that posts here, with the browser's cookies or on its network",
    "403: a browser says where a request comes from (Sec-Fetch-Site, Origin), and it has to be here",
)
def test_a_cross_site_post(service: Service) -> None:
    batch_id = service.ordered([f"waiting-{number}" for number in range(500)])
    before = batch_ids(service)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": service.url},
        {"Sec-Fetch-Site": "cross-site", "Origin": service.url},
    ):
        service.post("/v1/batches", 403, json=ORDER, headers=headers)
        for path in (f"/v1/batches/{batch_id}/cancel", f"/batches/{batch_id}/cancel"):
            service.post(path, 403, headers=headers)
    assert before == batch_ids(service)
    for headers in ({"Origin": service.url}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        service.post(f"/v1/batches/{batch_id}/cancel", headers=headers)


@attack(
    "A site whose name is pointed at 127.0.0.1 (DNS rebinding)",
    "421, reading too: on one machine the Host has to be 127.0.0.1, localhost or [::1]",
)
def test_dns_rebinding(service: Service) -> None:
    hosts = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "[::2]", "x"]
    for host in [*hosts, "evil.example:8080", "127.0.0.1, evil.example", "\\"]:
        for request in ("GET /v1/batches", "GET /", "POST /v1/batches", "GET /healthz"):
            answer = raw(service, f"{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert answer.split(b" ")[1] in {b"421", b"400"}, host
            assert b'"batches"' not in answer
    port = urlsplit(service.url).port
    for host in ("127.0.0.1", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}"):
        service.get("/v1/batches", headers={"Host": host})


@attack(
    "A page of another site that frames ours, loads our answers, or guesses their type",
    "Refused by every answer's headers: frame-ancestors, X-Frame-Options, Cross-Origin-Resource-Policy, nosniff",
)
def test_framing_and_sniffing(service: Service, finished: str) -> None:
    answers = [
        service.get("/", headers={"Accept": "text/html"}),
        service.get("/v1/batches"),
        service.get(f"/v1/batches/{finished}/exports/1/graded.csv"),
        service.get("/v1/batches/nowhere", 404),
        service.get("/favicon.ico", 404),
        service.send("DELETE", "/v1/batches", 405),
        service.post("/v1/batches", 415, data=b""),
        service.post("/v1/batches", 403, headers={"Origin": "null"}),
        service.get("/v1/batches", 421, headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        assert HEADERS.items() <= dict(answer.headers).items()
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert answers[2].headers["Content-Disposition"].startswith("attachment; ")


@attack(
    "Two lengths, a length and chunks, or a line's end in a header (request smuggling, response splitting)",
    "400, and the connection is closed",
)
def test_smuggled_requests(service: Service) -> None:
    head = "POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for headers in (
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length : 4\r\n",
    ):
        answer = raw(service, f"{head}{headers}\r\nAAAA".encode())
        assert answer.split(b" ")[1] in {b"400", b"501"}, headers
        assert 1 == answer.count(b"HTTP/1.")
    with pytest.raises(requests.exceptions.InvalidHeader):
        service.get("/v1/batches", headers={"Idempotency-Key": "a\r\nSet-Cookie: b"})


@attack(
    "Sixty connections that say nothing",
    "The next one is answered; of a hundred at most, the silent ones are closed after half a minute",
)
def test_silent_connections(service: Service) -> None:
    url = urlsplit(service.url)
    silent = [socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=10) for _ in range(60)]
    try:
        service.get("/healthz")
    finally:
        for connection in silent:
            connection.close()


def test_the_page_on_security_has_this_table() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text.partition("## Attacks tried")[2], re.MULTILINE)[2:]

    assert list(ATTACKS.values()) == rows
