import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.sandbox import Market, SandboxServer
from prograde.sandbox.call_log import CallLog, most_in_a_second
from tests.sandbox.client import ask


def by_brute_force(arrivals: Sequence[float]) -> int:
    """Some fullest second begins with an arrival."""
    return max((sum(0 <= other - start < 1 for other in arrivals) for start in arrivals), default=0)


@given(st.lists(st.integers(0, 60).map(lambda tenths: tenths / 8)))
def test_the_fullest_second_is_that_of_a_brute_force_count(arrivals: list[float]) -> None:
    assert by_brute_force(arrivals) == most_in_a_second(sorted(arrivals))


@pytest.mark.parametrize(("arrivals", "most"), [([], 0), ([5.0, 6.0], 1), ([5.0, 5.5, 6.0], 2), ([5.0, 5.999], 2)])
def test_the_second_is_half_open(arrivals: list[float], most: int) -> None:
    assert most == most_in_a_second(arrivals)


def test_calls_that_were_noted_out_of_order_are_counted_in_order() -> None:
    log = CallLog(("Member",), datetime(2026, 11, 20, tzinfo=UTC), 100.0)
    for arrived_at in (101.5, 101.0, 103.0, 102.25):
        log.record("Member", arrived_at)

    assert (4, 2) == (log.stats().calls, log.stats().most_in_a_second)
    assert datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC) == log.stats().first_call_at
    assert datetime(2026, 11, 20, 0, 0, 3, tzinfo=UTC) == log.stats().last_call_at


def test_stats_count_every_call_but_those_that_ask_for_them(fresh_server: SandboxServer) -> None:
    for path in ("Member('A000001')", "Member%28'nobody'%29", "Property?$top=1", "Property?$top=x", "Office"):
        ask(f"{fresh_server.reso_url}/{path}")
    ask(f"{fresh_server.reso_url}/Property", token="wrong")
    ask(f"{fresh_server.plain_url}/agents/A000001/sold")

    body = ask(f"{fresh_server.base_url}/__stats", token=None).body
    arrivals = ask(f"{fresh_server.base_url}/__arrivals", token=None).body

    assert body["calls"] == len(arrivals) == 7
    assert body["calls_by_path"] == {"Member": 2, "Property": 3, "other": 1, "plain": 1}
    assert by_brute_force(arrivals) == body["most_in_a_second"]
    assert body["first_call_at"] <= body["last_call_at"]
    assert body == json.loads(json.dumps(asdict(fresh_server.stats()), default=datetime.isoformat))


def test_reset_forgets_every_call(fresh_server: SandboxServer) -> None:
    ask(f"{fresh_server.reso_url}/Property?$top=1")

    ask(f"{fresh_server.base_url}/__reset", method="POST", token=None)

    body = ask(f"{fresh_server.base_url}/__stats", token=None).body
    assert (0, 0, None) == (body["calls"], body["most_in_a_second"], body["first_call_at"])
    assert body["calls_by_path"] == {"Member": 0, "Property": 0, "other": 0, "plain": 0}


def test_reset_is_a_post(fresh_server: SandboxServer) -> None:
    assert ask(f"{fresh_server.base_url}/__reset").status == 405


def test_no_call_of_many_clients_at_once_is_lost(fresh_server: SandboxServer, market: Market) -> None:
    def call_ten_times() -> None:
        for agent in market.agents[:10]:
            assert ask(f"{fresh_server.reso_url}/Member('{agent.key}')").status == 200

    clients = [threading.Thread(target=call_ten_times) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert fresh_server.stats().calls == 80
    assert by_brute_force(ask(f"{fresh_server.base_url}/__arrivals").body) == fresh_server.stats().most_in_a_second
