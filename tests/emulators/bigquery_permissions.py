"""What the BigQuery emulator lacks: a front that is asked for permissions, and passes everything else on."""

import http.client
import json
from urllib.parse import urlsplit

from tests.emulators.faults import permitted
from tests.emulators.loopback import Asked, Loopback, Response

ASKING = ":testIamPermissions"
RUNS_JOBS = "bigquery.jobs.create"
_NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}


class BigqueryPermissions(Loopback):
    """Serves in front of the emulator at a URL; `denied` are permissions, and the ends of what they are on."""

    def __init__(self, behind: str) -> None:
        self.denied: set[tuple[str, str]] = set()
        self._emulator = urlsplit(behind)
        super().__init__(lambda asked: self._own_answer(asked.path, asked.body) or self._behind(asked))

    def _behind(self, asked: Asked) -> Response:
        connection = http.client.HTTPConnection(self._emulator.hostname or "", self._emulator.port, timeout=300)
        try:
            headers = {name: value for name, value in asked.headers.items() if name != "connection"}
            connection.request(asked.method, asked.path, asked.body, headers)
            response = connection.getresponse()
            passed_on = {name: value for name, value in response.getheaders() if name.lower() not in _NOT_PASSED_ON}
            return Response(response.status, response.read(), passed_on)
        finally:
            connection.close()

    def _own_answer(self, path: str, body: bytes) -> Response | None:
        """Answer what the emulator cannot: which permissions there are, and a query that is tried without one."""
        if urlsplit(path).path.endswith(ASKING):
            table = urlsplit(path).path.removesuffix(ASKING)
            return _json(200, {"permissions": permitted(self.denied, table, json.loads(body)["permissions"])})
        is_tried = b'"dryRun": true' in body
        if is_tried and not permitted(self.denied, "project", [RUNS_JOBS]):
            message = f"Access Denied: User does not have {RUNS_JOBS} permission in project"
            return _json(403, {"error": {"code": 403, "message": message, "errors": [{"reason": "accessDenied"}]}})
        return None


def _json(status: int, content: object) -> Response:
    return Response(status, json.dumps(content).encode(), {"Content-Type": "application/json"})
