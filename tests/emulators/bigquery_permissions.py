"""What the BigQuery emulator lacks: a front that is asked for permissions, and passes everything else on."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from typing_extensions import override

from tests.emulators.faults import permitted

ASKING = ":testIamPermissions"
RUNS_JOBS = "bigquery.jobs.create"
_NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}


class BigqueryPermissions:
    """Serves in front of the emulator at a URL; `denied` are permissions, and the ends of what they are on."""

    def __init__(self, behind: str) -> None:
        self.denied: set[tuple[str, str]] = set()
        front, emulator = self, urlsplit(behind)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, headers, content = front.own_answer(self.path, body) or self.behind(body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in _NOT_PASSED_ON:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def behind(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                connection = http.client.HTTPConnection(emulator.hostname or "", emulator.port, timeout=300)
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    connection.request(self.command, self.path, body, headers)
                    response = connection.getresponse()
                    return response.status, dict(response.getheaders()), response.read()
                finally:
                    connection.close()

            do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = answer  # noqa: N815  # the base class's names

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def own_answer(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """Answer what the emulator cannot: which permissions there are, and a query that is tried without one."""
        if urlsplit(path).path.endswith(ASKING):
            table = urlsplit(path).path.removesuffix(ASKING)
            return _json(200, {"permissions": permitted(self.denied, table, json.loads(body)["permissions"])})
        is_tried = b'"dryRun": true' in body
        if is_tried and not permitted(self.denied, "project", [RUNS_JOBS]):
            message = f"Access Denied: User does not have {RUNS_JOBS} permission in project"
            return _json(403, {"error": {"code": 403, "message": message, "errors": [{"reason": "accessDenied"}]}})
        return None


def _json(status: int, content: object) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()
