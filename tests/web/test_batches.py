import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.web.service import AS_OF, EVERYBODY, Service

JSON_ORDER = {"source": "source", "professionals": EVERYBODY[:2], "parameters": {"as_of": str(AS_OF)}}


def batch_ids(service: Service) -> list[str]:
    return [batch["batch_id"] for batch in service.get("/v1/batches").json()["batches"]]


def problems(response: Any) -> Mapping[str, str]:  # noqa: ANN401  # a response of requests
    assert "application/problem+json" == response.headers["Content-Type"]
    return {problem["field"]: problem["remedy"] for problem in response.json()["problems"]}


def test_an_order_in_json_starts_a_batch_that_is_found_where_it_says(service: Service) -> None:
    response = service.post("/v1/batches", 202, json=JSON_ORDER)
    batch_id = response.json()["batch_id"]
    assert f"/v1/batches/{batch_id}" == response.headers["Location"]

    service.finished(batch_id)
    shown = service.get(response.headers["Location"]).json()

    assert ("complete", 2, 0) == (shown["status"], shown["professionals"], shown["open"])
    assert {"done": 2} == shown["by_state"]
    assert 2 == sum(bar["professionals"] for bar in shown["by_volume"])
    assert shown["calls"] >= 2
    assert [0, 10_000, 20_000, 50_000] == [bar["from_dollars"] for bar in shown["by_volume"]][:4]


def test_the_same_key_is_the_same_batch_and_with_another_order_a_conflict(service: Service) -> None:
    key = {"Idempotency-Key": "quarter 4"}
    first, again = (service.post("/v1/batches", 202, json=JSON_ORDER, headers=key) for _ in range(2))
    assert first.json()["batch_id"] == again.json()["batch_id"]

    other = service.post("/v1/batches", 409, json={**JSON_ORDER, "professionals": ["B7"]}, headers=key)
    assert "use a new key" in other.json()["detail"]
    service.post("/v1/batches", 400, json=JSON_ORDER, headers={"Idempotency-Key": "x" * 256})


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"source": "source"}, "professionals"),
        ({"source": "source", "professionals": []}, "roster"),
        ({"source": "source", "professionals": ["A"], "roster": "rosters/a.csv"}, "professionals"),
        ({"source": "source", "professionals": [7]}, "professionals[0]"),
        ({"source": "source", "professionals": ["A"], "parameters": {"as_of": "soon"}}, "as_of"),
        ({"source": "source", "roster": "batches/x.csv"}, "roster"),
        ({"source": 7, "professionals": ["A"]}, "source"),
        ({"surprise": 1, "source": "source", "professionals": ["A"]}, "surprise"),
        ({"source": "source", "professionals": ["A\nB"]}, "roster line 3"),
        ([1], "body"),
    ],
)
def test_an_order_in_json_that_is_wrong_starts_nothing(service: Service, order: object, field: str) -> None:
    before = batch_ids(service)
    response = service.post("/v1/batches", 400, json=order)
    assert field in problems(response)
    assert before == batch_ids(service)


def test_what_is_nested_without_end_is_refused(service: Service) -> None:
    body = b'{"source": "source", "parameters": ' + b'{"a": [' * 400 + b"]}" * 400 + b"}"
    response = service.post("/v1/batches", 400, data=body, headers={"Content-Type": "application/json"})
    assert "must not be nested deeper than 20" == problems(response)["body"]


def test_batches_are_listed_newest_first_a_page_at_a_time(service: Service) -> None:
    made = [service.ordered([f"L{number}"]) for number in range(3)]

    seen: list[str] = []
    cursor = ""
    for _ in range(100):
        page = service.get("/v1/batches", params={"limit": 2, "cursor": cursor}).json()
        seen += [batch["batch_id"] for batch in page["batches"]]
        if page["next"] is None:
            break
        cursor = page["next"]

    assert made[::-1] == seen[:3]
    assert len(seen) == len(set(seen))
    assert seen == [batch["batch_id"] for batch in service.get("/v1/batches", params={"limit": 500}).json()["batches"]]


def test_the_list_tells_how_those_ended_that_are_over(service: Service, finished: str) -> None:
    batches = service.get("/v1/batches", params={"limit": 500}).json()["batches"]
    [told] = [batch for batch in batches if batch["batch_id"] == finished]
    assert {"done": len(EVERYBODY), "not_found": 1} == told["by_state"]
    assert len(EVERYBODY) == sum(told["by_grade"].values())


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=99999999999999999999-abc", "cursor"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_query_that_is_wrong_is_named(service: Service, query: str, field: str) -> None:
    assert [field] == list(problems(service.get(f"/v1/batches?{query}", 400)))


def test_who_has_the_newest_state_is_told_so(service: Service, finished: str) -> None:
    for path in (f"/v1/batches/{finished}", "/v1/batches", f"/v1/batches/{finished}/exports"):
        etag = service.get(path).headers["ETag"]
        same = service.get(path, 304, headers={"If-None-Match": etag})
        assert (b"", etag) == (same.content, same.headers["ETag"])
        service.get(path, headers={"If-None-Match": '"other"'})


def test_a_batch_is_paused_resumed_and_cancelled(service: Service) -> None:
    batch_id = service.ordered([f"P{number}" for number in range(300)])
    for verb, status in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("cancel", "draining")):
        assert status == service.post(f"/v1/batches/{batch_id}/{verb}").json()["status"]
    service.finished(batch_id)
    assert "cancelled" == service.get(f"/v1/batches/{batch_id}").json()["status"]
    service.post(f"/v1/batches/{batch_id}/resume", 409)


def test_a_running_batch_tells_how_fast_its_source_is_called(service: Service) -> None:
    batch_id = service.ordered([f"R{number}" for number in range(2_000)])
    deadline = time.monotonic() + 30
    while not (pace := service.get(f"/v1/batches/{batch_id}").json()["calls_per_second"]):
        assert time.monotonic() < deadline
    assert pace > 0
    service.post(f"/v1/batches/{batch_id}/cancel")
    service.finished(batch_id)
    assert service.get(f"/v1/batches/{batch_id}").json()["calls_per_second"] is None


@pytest.mark.parametrize(
    ("method", "path", "allowed", "told"),
    [
        ("DELETE", "/v1/batches", {"GET", "HEAD", "POST"}, "there are GET, POST"),
        ("PUT", "/v1/batches/north-1/pause", {"POST"}, "there is POST"),
        ("POST", "/v1/batches/north-1", {"GET", "HEAD"}, "there is GET"),
    ],
)
def test_another_method_is_told_which_there_are(
    service: Service, method: str, path: str, allowed: set[str], told: str
) -> None:
    response = service.send(method, path, 405)
    assert allowed == set(response.headers["Allow"].split(", "))
    assert (405, f"{method} is not allowed here: {told}") == (response.json()["status"], response.json()["detail"])


def test_a_head_is_answered_as_a_get_without_its_body(service: Service) -> None:
    head, get = service.send("HEAD", "/v1/batches?limit=1", 200), service.get("/v1/batches?limit=1")
    assert (b"", get.headers["Content-Length"]) == (head.content, head.headers["Content-Length"])


def test_a_type_that_nobody_reads_is_refused_and_one_that_nobody_writes_too(service: Service) -> None:
    headers = {"Content-Type": "text/csv"}
    assert "send multipart/form-data" in service.post("/v1/batches", 415, data=b"A1", headers=headers).json()["detail"]
    assert "application/json" in service.get("/v1/batches", 406, headers={"Accept": "image/png"}).json()["detail"]
    for accept in ("*/*", "application/*", "application/json;q=0.1", "text/html, */*;q=0.8"):
        service.get("/v1/batches", headers={"Accept": accept})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches/nowhere-1",
        "/v1/batches/..%2F..%2Fstate.db",
        "/v1/batches/%2e%2e",
        "/v1/batches/A%00B",
        "/v1/batches//",
        "/v1//batches",
        "/v2/batches",
        "/v1/batches/a%0Ab",
        "/favicon.ico",
        "/v1/batches/nowhere-1/professionals/A",
        "/v1/batches/nowhere-1/exports/1/graded.csv",
    ],
)
def test_what_is_not_there_is_not_found(service: Service, path: str) -> None:
    response = service.get(path, 404, allow_redirects=False)
    assert "application/problem+json" == response.headers["Content-Type"]
    assert 404 == response.json()["status"]
