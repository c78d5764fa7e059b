import os

import pytest

from tests.web.service import Service


def test_a_service_that_is_well_says_so_and_who_delivers_its_tasks(service: Service) -> None:
    for path in ("/healthz", "/v1/health"):
        assert {
            "state": "ok",
            "queue": "ok",
            "warehouse": "ok",
            "blobs": "ok",
            "dispatching": f"process {os.getpid()}",
        } == service.get(path).json()


def test_health_is_asked_anew_each_time_and_has_no_etag(service: Service) -> None:
    for path in ("/healthz", "/v1/health"):
        assert "ETag" not in service.get(path).headers


@pytest.mark.parametrize("port", ["warehouse", "blobs"])
def test_what_does_not_answer_is_named(service: Service, port: str) -> None:
    folder = service.folder / "data" / port
    folder.rename(folder.with_name("away"))
    try:
        told = service.get("/healthz", 503).json()
    finally:
        folder.with_name("away").rename(folder)
    assert ("ok", "ok") == (told["state"], told["queue"])
    assert "No such file" in told[port]
