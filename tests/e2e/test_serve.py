"""One process that serves and works: batches started over HTTP, a kill, a clean stop."""

import os
import re
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import requests

from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import Workplace
from tests.e2e.served import finished_batch, ordered, served
from tests.e2e.test_killed_run import wait_for_calls


def test_batches_started_over_http_run_side_by_side_to_the_export_of_a_run(workplace: Workplace) -> None:
    digest = workplace.run("--as-of", str(AS_OF))["export_digest"]
    with served(workplace) as (url, _):
        batches = [ordered(url, workplace, key, as_of=str(AS_OF)) for key in ("one", "two")]

        assert [digest, digest] == [finished_batch(workplace.folder, each).export_digest for each in batches]
        assert 2 == len(set(batches))


def test_a_killed_server_goes_on_where_it_was(practice_api: SandboxServer, workplace: Workplace) -> None:
    digest = workplace.run("--as-of", str(AS_OF))["export_digest"]
    practice_api.reset()
    with served(workplace) as (url, process):
        batch_id = ordered(url, workplace, as_of=str(AS_OF))
        wait_for_calls(practice_api, 40)
        process.kill()
        process.wait()
    with served(workplace):
        assert digest == finished_batch(workplace.folder, batch_id).export_digest


def test_a_signal_stops_it_cleanly_and_says_so(workplace: Workplace) -> None:
    with served(workplace, is_installed=True) as (_, process):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert 0 == process.returncode, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert "Nothing is lost" in err
    assert "" == out


def test_two_cannot_have_one_data_directory_nor_one_port(workplace: Workplace) -> None:
    with served(workplace) as (url, _):
        port = url.rsplit(":", 1)[1].strip("/")
        same_data = workplace.prograde("serve", "--port", "0", "--data-dir", "data")
        same_port = workplace.prograde("serve", "--port", port, "--data-dir", "other")

    assert (2, 2) == (same_data.returncode, same_port.returncode)
    assert "is in use by process" in same_data.stderr
    assert "choose another, or 0 for any free one" in same_port.stderr


def test_it_takes_up_what_is_resumed_and_replayed_beside_it(practice_api: SandboxServer, unhurried: Workplace) -> None:
    ids = (unhurried.folder / "roster.csv").read_text(encoding="utf-8").splitlines()
    (unhurried.folder / "roster.csv").write_text("\n".join([*ids, "nobody-here"]) + "\n", encoding="utf-8")
    with served(unhurried) as (url, _):
        batch_id = ordered(url, unhurried, as_of=str(AS_OF))
        wait_for_calls(practice_api, 10)
        paused = unhurried.prograde("pause", batch_id, "--data-dir", "data")
        resumed = unhurried.prograde("resume", "--data-dir", "data")
        assert (0, 0) == (paused.returncode, resumed.returncode), paused.stderr + resumed.stderr
        assert 1 == finished_batch(unhurried.folder, batch_id).grading_run

        replayed = unhurried.prograde("dead-letters", "replay", batch_id, "--all", "--data-dir", "data")
        assert 0 == replayed.returncode, replayed.stderr
        assert 2 == finished_batch(unhurried.folder, batch_id).grading_run


def test_uploads_that_no_batch_names_are_gone_a_day_later(workplace: Workplace) -> None:
    blobs = workplace.folder / "data" / "blobs"
    with served(workplace) as (url, _):
        finished_batch(workplace.folder, ordered(url, workplace, as_of=str(AS_OF)))
        inputs = sorted((blobs / "batches").rglob("*.*"))
        for name in (b"yesterday", b"today"):
            roster = {"roster": ("roster.csv", b"professional_id\n" + name)}
            requests.post(f"{url}new", data={"source": "source"}, files=roster, timeout=10)
    yesterday, today = sorted(
        (blobs / "batches" / "uploads").iterdir(), key=lambda path: b"yester" not in path.read_bytes()
    )
    unfinished = blobs / ".staging" / "export"
    unfinished.mkdir()
    for path in (*inputs, yesterday, unfinished):
        os.utime(path, times=(time.time() - 90_000,) * 2)

    with served(workplace):
        assert sorted([*inputs, today]) == sorted((blobs / "batches").rglob("*.*"))
        assert not unfinished.exists()
    assert 2 == len(inputs), "a roster and a source file"


def test_a_slow_source_holds_up_nobody_else(practice_api: SandboxServer, workplace: Workplace, tmp_path: Path) -> None:
    """Also where both have one credential: then the stricter limit holds, and each has its turns."""
    text = (workplace.folder / "source.yaml").read_text(encoding="utf-8")
    slow = re.sub(r"limit: \d+", "limit: 2", text).replace("name: sandbox", "name: slow")
    assert slow.count("limit: 2\n") + slow.count("limit: 2,") == 1
    with SandboxServer(seeded_market(40, 7, AS_OF)) as elsewhere:
        slow = slow.replace(practice_api.reso_url, elsewhere.reso_url)
        (workplace.folder / "slow.yaml").write_text(slow, encoding="utf-8")
        with served(workplace) as (url, _):
            first = ordered(url, workplace, "slow", source="slow")
            wait_for_calls(elsewhere, 3)
            second = ordered(url, workplace, "quick")
            finished_batch(workplace.folder, second)
            assert 0 < elsewhere.stats().calls
            assert "running" == requests.get(f"{url}v1/batches/{first}", timeout=30).json()["status"]
            assert elsewhere.stats().most_in_a_second <= 3
            assert 200 == requests.post(f"{url}v1/batches/{first}/cancel", timeout=30).status_code
            finished_batch(workplace.folder, first)


def test_a_folder_of_sources_that_is_none_is_named(workplace: Workplace) -> None:
    done = workplace.prograde("serve", "--port", "0", "--sources", "nowhere")

    assert 2 == done.returncode
    assert "nowhere" in done.stderr


def test_tasks_are_taken_from_the_process_itself_alone(workplace: Workplace) -> None:
    with served(workplace) as (url, _):
        forged = {"X-CloudTasks-TaskName": "x", "X-CloudTasks-QueueName": "pages"}
        assert 401 == requests.post(f"{url}tasks/supervise", headers=forged, timeout=10).status_code


def test_a_request_that_never_ends_keeps_nobody_waiting(workplace: Workplace) -> None:
    with served(workplace) as (url, _):
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))
        slow = [socket.create_connection(address) for _ in range(20)]
        for each in slow:
            each.sendall(b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
        began = time.monotonic()

        assert 404 == requests.get(f"{url}no-such-page", timeout=10).status_code
        assert time.monotonic() - began < 2
        for each in slow:
            each.close()


def test_what_keeps_a_batch_from_going_on_is_said(practice_api: SandboxServer, workplace: Workplace) -> None:
    with served(workplace) as (url, process):
        batch_id = ordered(url, workplace, as_of=str(AS_OF))
        wait_for_calls(practice_api, 10)
        process.kill()
        process.wait()
    without_token = replace(workplace, env={k: v for k, v in workplace.env.items() if k != "SANDBOX_TOKEN"})
    with served(without_token) as (url, process):
        assert process.stderr is not None
        line = process.stderr.readline()
        page = requests.get(f"{url}batches/{batch_id}", headers={"Accept": "text/html"}, timeout=10).text
    log = workplace.prograde("logs", batch_id, "--level", "WARNING", "--data-dir", "data").stdout

    for said in (line, page, log):
        assert "is refused again and again" in said
        assert "the environment variable SANDBOX_TOKEN is not set" in said
