"""The description of the HTTP API is the code's own; make test-api holds the service to it."""

import json

from prograde.entrypoints.web.openapi import FILE, OPERATIONS, described, written
from prograde.entrypoints.web.table import ROUTES
from prograde.ports import Caller
from tests.web.service import Service


def test_the_file_is_what_the_code_describes() -> None:
    assert written() == FILE.read_text(encoding="utf-8"), "run make schemas"


def test_every_operation_of_the_api_is_described() -> None:
    machines = {Caller.TASKS, Caller.SCHEDULER}
    of_the_api = [route for route in ROUTES if route.path.startswith("/v1/") and route.caller not in machines]
    assert [] == [route.path for route in of_the_api if route.handler not in OPERATIONS]
    identifiers = [operation["operationId"] for path in described()["paths"].values() for operation in path.values()]
    assert len(identifiers) == len(set(identifiers))


def test_the_service_serves_it(service: Service) -> None:
    response = service.get("/v1/openapi.json")
    assert described() == json.loads(response.content)
    assert b"" == service.get("/v1/openapi.json", 304, headers={"If-None-Match": response.headers["ETag"]}).content
