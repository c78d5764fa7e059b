import base64
import csv
import hashlib
import io
import os
import select
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from urllib.parse import quote

import pytest
import requests

from prograde.domain.export import COLUMNS
from prograde.entrypoints.web_server import THREADS as WEB_THREADS
from tests.web.service import EVERYBODY, PATIENCE_SECONDS, Service


def test_exports_are_listed_and_downloaded_with_their_digest(service: Service, finished: str) -> None:
    [export] = service.get(f"/v1/batches/{finished}/exports").json()["exports"]
    assert 1 == export["grading_run"]
    for file in export["files"]:
        response = service.get(f"/v1/batches/{finished}/exports/1/{file['name']}")
        assert (file["bytes"], file["sha256"]) == (len(response.content), hashlib.sha256(response.content).hexdigest())
        digest = response.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
        assert file["sha256"] == base64.b64decode(digest).hex()
        assert "text/csv; charset=utf-8" == response.headers["Content-Type"]
        assert response.headers["Content-Disposition"].startswith("attachment; ")
        etag = response.headers["ETag"]
        assert (
            b""
            == service.get(
                f"/v1/batches/{finished}/exports/1/{file['name']}", 304, headers={"If-None-Match": etag}
            ).content
        )
    manifest = service.get(f"/v1/batches/{finished}/exports/1/manifest.json").json()
    assert export["export_digest"] == manifest["export_digest"]


@pytest.mark.parametrize(
    "path", ["2/graded.csv", "1/secrets.csv", "1/..%2f..%2fstate.db", "0/graded.csv", "1/graded.exe"]
)
def test_no_other_file_is_downloaded(service: Service, finished: str, path: str) -> None:
    service.get(f"/v1/batches/{finished}/exports/{path}", 404)


def test_ranked_rows_come_a_page_at_a_time_as_the_file_has_them(service: Service, finished: str) -> None:
    text = service.get(f"/v1/batches/{finished}/exports/1/graded.csv").content.decode()
    expected = list(csv.DictReader(io.StringIO(text)))
    rows: list[dict[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = service.get(f"/v1/batches/{finished}/grades", params={"limit": 7, "cursor": cursor}).json()
        rows += page["rows"]
        cursor = page["next"]
    assert expected == rows
    assert list(COLUMNS) == list(rows[0])


def test_ranked_rows_are_found_by_grade_and_by_what_they_hold(service: Service, finished: str) -> None:
    everybody = service.get(f"/v1/batches/{finished}/grades", params={"limit": 500}).json()["rows"]
    one = everybody[3]
    found = service.get(f"/v1/batches/{finished}/grades", params={"search": one["full_name"].upper()}).json()
    assert one in found["rows"]
    of_grade = service.get(f"/v1/batches/{finished}/grades", params={"grade": one["grade"]}).json()["rows"]
    assert [row for row in everybody if row["grade"] == one["grade"]] == of_grade
    others = service.get(f"/v1/batches/{finished}/grades", params={"grade": "none"}).json()["rows"]
    assert ["nobody/at all"] == [row["professional_id"] for row in others]
    assert [] == service.get(f"/v1/batches/{finished}/grades", params={"search": "nobody like that"}).json()["rows"]


@pytest.mark.parametrize(
    "query", ["grade=Z", "cursor=1-1", "cursor=1-5", "cursor=x", "cursor=1-99999999999999", "search=" + 101 * "a"]
)
def test_a_question_for_rows_that_is_wrong_is_named(service: Service, finished: str, query: str) -> None:
    response = service.get(f"/v1/batches/{finished}/grades?{query}", 400)
    assert query.split("=", maxsplit=1)[0] == response.json()["problems"][0]["field"]


def test_a_batch_without_an_export_says_so(service: Service) -> None:
    batch_id = service.with_dead_letters(EVERYBODY[:1])
    assert "has no export yet" in service.get(f"/v1/batches/{batch_id}/grades", 404).json()["detail"]
    assert [] == service.get(f"/v1/batches/{batch_id}/exports").json()["exports"]


def test_a_professional_tells_how_the_grade_came_about(service: Service, finished: str) -> None:
    story = service.get(f"/v1/batches/{finished}/professionals/{EVERYBODY[0]}").json()
    row = service.get(f"/v1/batches/{finished}/grades", params={"search": EVERYBODY[0]}).json()["rows"][0]
    assert (row["grade"], row["volume"], row["sides"]) == (
        story["grade"],
        story["figures"]["volume"],
        story["figures"]["sides"],
    )
    assert row["grade_reasons"] == "; ".join(story["reasons"])
    counted = [call["raw_id"] for call in story["calls_made"] if call["is_counted"]]
    assert [line["raw_id"] for line in story["ledger"]] == counted
    assert story["calls"] == len(story["calls_made"])
    assert '"value"' in story["calls_made"][-1]["body"]


@pytest.fixture
def endless_segment(service: Service, finished: str) -> Iterator[int]:
    """Let whoever looks through the batch's raw rows find no end of them before this pipe is closed."""
    segment = service.folder / "data" / "warehouse" / "raw_pages" / finished / "999999.ndjson"
    os.mkfifo(segment)
    pipe = os.open(segment, os.O_RDWR)
    try:
        yield pipe
    finally:
        segment.unlink()


def test_raw_answers_are_looked_for_one_at_a_time_so_that_threads_are_left_for_all_else(
    service: Service, finished: str, endless_segment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prograde.adapters.local.duckdb_warehouse.TURN_SECONDS", 0.2)
    url = f"{service.url}/v1/batches/{finished}/professionals/{EVERYBODY[0]}"
    with ThreadPoolExecutor(WEB_THREADS) as pool:
        asked = [pool.submit(requests.get, url, timeout=PATIENCE_SECONDS) for _ in range(WEB_THREADS)]
        try:
            turned_away = [future.result() for future in islice(as_completed(asked, 20), WEB_THREADS - 1)]
            service.get("/healthz")
        finally:
            os.write(endless_segment, b"\n")
            while select.select([endless_segment], [], [], 0)[0]:
                time.sleep(0.01)  # Whoever reads it has opened it: without a writer that would take forever.
            os.close(endless_segment)
        statuses = sorted(future.result().status_code for future in asked)

    assert [200] + [503] * (WEB_THREADS - 1) == statuses
    assert {("BusyError", "5")} == {(each.json()["title"], each.headers["Retry-After"]) for each in turned_away}


@pytest.mark.parametrize("prefix", ["", "A0000"])
def test_professionals_come_a_page_at_a_time(service: Service, finished: str, prefix: str) -> None:
    path = f"/v1/batches/{finished}/professionals"
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = service.get(path, params={"prefix": prefix, "limit": 4, "cursor": cursor}).json()
        assert 0 < len(page["professionals"]) <= 4
        found += [each["professional_id"] for each in page["professionals"]]
        cursor = page["next"]
    assert sorted(each for each in [*EVERYBODY, "nobody/at all"] if each.startswith(prefix)) == found


@pytest.mark.parametrize("cursor", ["B1", "A" + 255 * "1"])
def test_a_cursor_that_no_page_of_these_professionals_gave_is_refused(
    service: Service, finished: str, cursor: str
) -> None:
    answer = service.get(f"/v1/batches/{finished}/professionals?prefix=A&cursor={cursor}", 400)
    assert ["cursor"] == [problem["field"] for problem in answer.json()["problems"]]


def test_professionals_are_found_by_the_beginning_of_their_id_whatever_is_in_it(
    service: Service, finished: str
) -> None:
    found = service.get(f"/v1/batches/{finished}/professionals", params={"prefix": "nobody"}).json()["professionals"]
    assert [("nobody/at all", "not_found")] == [(each["professional_id"], each["state"]) for each in found]
    shown = service.get(f"/v1/batches/{finished}/professionals/{quote('nobody/at all')}").json()
    assert ("not_found", None) == (shown["state"], shown["grade"])
    everybody = service.get(f"/v1/batches/{finished}/professionals", params={"limit": 500}).json()["professionals"]
    assert sorted([*EVERYBODY, "nobody/at all"]) == [each["professional_id"] for each in everybody]
