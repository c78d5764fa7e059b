import http.client
import threading
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.sandbox import Market, RateLimit, SandboxServer
from prograde.sandbox.rate_limit import CALLS_MAX, WINDOW_SECONDS_MAX, RateGate
from tests.sandbox.client import ask

WINDOWS = st.builds(RateLimit, st.integers(1, 6), st.sampled_from([0.5, 1.0, 2.5, 4.0]))
PAUSES = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0, 3.0]), max_size=60)


def admitted_by_brute_force(arrivals: Sequence[float], limits: Sequence[RateLimit]) -> list[bool]:
    admitted: list[float] = []
    verdicts = []
    for now in arrivals:
        is_free = all(sum(now - limit.seconds < other for other in admitted) < limit.calls for limit in limits)
        verdicts.append(is_free)
        if is_free:
            admitted.append(now)
    return verdicts


@given(st.lists(WINDOWS, min_size=1, max_size=3), PAUSES)
def test_it_admits_what_a_brute_force_count_admits(limits: list[RateLimit], pauses: list[float]) -> None:
    arrivals = list(accumulate(pauses))
    gate = RateGate(limits)

    assert admitted_by_brute_force(arrivals, limits) == [gate.admit(now) == 0 for now in arrivals]


@given(st.lists(WINDOWS, min_size=1, max_size=3), PAUSES)
def test_who_waits_as_long_as_it_says_is_admitted_and_no_sooner(limits: list[RateLimit], pauses: list[float]) -> None:
    for hasty in (0.0, 0.0625):
        gate, now = RateGate(limits), 0.0
        for pause in pauses:
            now += pause
            if (wait_seconds := gate.admit(now)) > hasty:
                now += wait_seconds - hasty
                assert (gate.admit(now) == 0) == (hasty == 0)


def test_the_window_is_half_open() -> None:
    gate = RateGate([RateLimit(1, 1.0)])

    assert [0, 0.5, 0] == [gate.admit(now) for now in (5.0, 5.5, 6.0)]


def test_a_call_that_is_late_to_the_lock_counts_as_having_arrived_with_the_one_before_it() -> None:
    gate = RateGate([RateLimit(2, 1.0)])

    assert [0, 0, 0, 0.5] == [gate.admit(now) for now in (5.0, 6.0, 5.9375, 6.5)]


@pytest.mark.parametrize(
    ("text", "limit"),
    [("20", RateLimit(20, 1)), ("5000/3600", RateLimit(5000, 3600)), ("3/0.25", RateLimit(3, 0.25))],
)
def test_a_rate_is_written_as_calls_and_seconds(text: str, limit: RateLimit) -> None:
    assert limit == RateLimit.parse(text)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1/0", "20/", "x/1", f"{CALLS_MAX + 1}", f"1/{WINDOW_SECONDS_MAX + 1}"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        RateLimit.parse(text)


def test_the_server_refuses_exactly_what_a_brute_force_count_refuses(market: Market) -> None:
    limits = [RateLimit(7, 0.05), RateLimit(40, 0.5)]
    with SandboxServer(market, rates=limits) as server:
        connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=10)
        statuses = []
        for _ in range(400):
            connection.request("GET", "/reso/odata/Member('A000001')", headers={"Authorization": "Bearer sandbox"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()
        arrivals = ask(f"{server.base_url}/__arrivals").body
        throttled = server.stats().throttled

    assert [200 if is_free else 429 for is_free in admitted_by_brute_force(arrivals, limits)] == statuses
    assert throttled == statuses.count(429) > 0


def test_many_clients_together_get_no_more_than_the_limit(market: Market) -> None:
    with SandboxServer(market, rates=[RateLimit(30, 3600)]) as server:
        statuses: list[int] = []

        def call() -> None:
            statuses.extend(ask(f"{server.reso_url}/Member('A000001')").status for _ in range(10))

        clients = [threading.Thread(target=call) for _ in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

        assert (30, 50, 50) == (statuses.count(200), statuses.count(429), server.stats().throttled)


def test_a_refusal_says_after_how_many_seconds_to_call_again(market: Market) -> None:
    with SandboxServer(market, rates=[RateLimit(1, 7.5)]) as server:
        first, second = (ask(f"{server.reso_url}/Member") for _ in range(2))

    assert (200, 429, "8") == (first.status, second.status, second.headers["Retry-After"])
    assert second.body["error"]["message"] == "rate limit exceeded"


def test_a_wrong_token_spends_nothing_of_the_rate(market: Market) -> None:
    with SandboxServer(market, rates=[RateLimit(1, 3600)]) as server:
        statuses = [ask(f"{server.reso_url}/Member", token=token).status for token in ("wrong", "sandbox", "sandbox")]

    assert [401, 200, 429] == statuses


def test_a_reset_opens_the_windows(market: Market) -> None:
    with SandboxServer(market, rates=[RateLimit(1, 3600)]) as server:
        ask(f"{server.reso_url}/Member")
        ask(f"{server.base_url}/__reset", method="POST")

        assert ask(f"{server.reso_url}/Member").status == 200
