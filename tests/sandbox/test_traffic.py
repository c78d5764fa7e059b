import threading
import time
from datetime import UTC, datetime

import pytest

from prograde.sandbox import FaultSource, Latency, Market, Outage, RateLimit, SandboxServer, fault_sources
from prograde.sandbox.call_log import CallLog
from prograde.sandbox.latency import LATENCY_MS_MAX
from prograde.sandbox.traffic import Traffic
from tests.sandbox.client import ask, calling


def traffic_of(*faults: FaultSource, rate: RateLimit | None = None) -> tuple[Traffic, CallLog]:
    calls = CallLog((), datetime(2026, 11, 20, tzinfo=UTC), 0.0)
    return Traffic([rate] if rate else [], None, faults, 7, calls), calls


def still_running(others: set[threading.Thread]) -> list[threading.Thread]:
    started = [thread for thread in threading.enumerate() if thread not in others]
    for thread in started:
        thread.join(timeout=5)
    return [thread for thread in started if thread.is_alive()]


def test_every_call_of_an_outage_fails_and_no_other() -> None:
    traffic, _ = traffic_of(Outage(5, 20))

    arrivals = [100.0, 104.999, 105.0, 112.0, 119.999, 120.0, 500.0]

    assert [False, False, True, True, True, False, False] == [
        traffic.meet("/", arrived_at) is not None for arrived_at in arrivals
    ]


def test_an_outage_fails_however_often_a_call_is_repeated_and_in_every_way() -> None:
    traffic, calls = traffic_of(Outage(0, 20))

    assert all(traffic.meet("/", 100.0) for _ in range(100))
    assert {fault.kind for fault in Outage.faults} == set(calls.stats().faults)


def test_an_outage_spends_nothing_of_the_rate() -> None:
    traffic, calls = traffic_of(Outage(0, 5), rate=RateLimit(1, 3600))
    for _ in range(10):
        traffic.meet("/", 100.0)

    assert traffic.meet("/", 105.0) is None
    assert calls.stats().throttled == 0


def test_what_the_rate_limit_refuses_does_not_count_as_an_attempt() -> None:
    """Or a URL could look healed to the schedule while its caller has seen nothing but refusals."""
    limited, _ = traffic_of(*fault_sources("everything"), rate=RateLimit(1, 1.0))
    free, _ = traffic_of(*fault_sources("everything"))
    kinds = []
    for second in range(40):
        fault = limited.meet("/", second)
        kinds.append(fault and fault.kind)
        assert limited.meet("/", second + 0.5) is not None

    expected = [free.meet("/", second) for second in range(40)]
    assert [fault and fault.kind for fault in expected] == kinds


def test_a_reset_begins_an_outage_anew() -> None:
    traffic, _ = traffic_of(Outage(5, 20))
    assert traffic.meet("/", 100.0) is None
    assert traffic.meet("/", 106.0) is not None
    traffic.clear()

    assert traffic.meet("/", 107.0) is None
    assert traffic.meet("/", 112.0) is not None


def test_latency_lies_between_its_bounds_and_is_the_same_for_the_same_seed() -> None:
    latency = Latency(20, 80)
    seconds = [latency.seconds(7, ordinal) for ordinal in range(1_000)]

    assert seconds == [latency.seconds(7, ordinal) for ordinal in range(1_000)]
    assert 0.020 <= min(seconds) < 0.021
    assert 0.079 < max(seconds) <= 0.080


def test_every_answer_waits_for_the_latency_but_those_about_the_server(market: Market) -> None:
    with SandboxServer(market, latency=Latency(60, 60)) as server:
        started = time.monotonic()
        statuses = [ask(f"{server.reso_url}/{path}").status for path in ("Member?$top=1", "Office")]
        between = time.monotonic()
        for _ in range(5):
            ask(f"{server.base_url}/__stats")

    assert ([200, 404], True) == (statuses, between - started >= 0.12)


def test_closing_ends_the_latency(market: Market) -> None:
    others = set(threading.enumerate())
    with SandboxServer(market, latency=Latency(LATENCY_MS_MAX, LATENCY_MS_MAX)) as server, calling(server):
        while not server.stats().in_flight_max:
            time.sleep(0.01)

    assert not still_running(others)


def test_in_flight_counts_the_calls_that_wait_for_their_answer(market: Market) -> None:
    with SandboxServer(market, latency=Latency(500, 500)) as server:
        clients = [threading.Thread(target=ask, args=(f"{server.reso_url}/Member?$top=1",)) for _ in range(5)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        ask(f"{server.reso_url}/Member?$top=1")

        assert server.stats().in_flight_max == 5


@pytest.mark.parametrize(("text", "latency"), [("20", Latency(20, 20)), ("20..80", Latency(20, 80))])
def test_a_latency_is_written_as_one_bound_or_two(text: str, latency: Latency) -> None:
    assert latency == Latency.parse(text)


@pytest.mark.parametrize("text", ["", "20..", "80..20", "-1", "1.5", f"{LATENCY_MS_MAX + 1}"])
def test_what_is_no_latency_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="latency"):
        Latency.parse(text)
