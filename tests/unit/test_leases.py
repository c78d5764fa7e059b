"""Leased send times keep every window, whoever leases, however late each call is within its lateness."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prograde.domain.leases import BUCKETS, LAPS_KEPT, REACH, Ledger, lateness, lease
from prograde.domain.pace import RateLimit

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
START = 1_790_000_000_000_000
LIMITS = st.lists(
    st.builds(
        RateLimit,
        st.integers(1, 60),
        st.sampled_from([timedelta(milliseconds=100), SECOND, 10 * SECOND, timedelta(minutes=1), timedelta(days=1)]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda limit: limit.interval,
)


def most_in_a_window(sent: Sequence[int], interval: timedelta) -> int:
    """Count the calls in the fullest window, which has its beginning and not its end."""
    moments = sorted(sent)
    first = most = 0
    for index, moment in enumerate(moments):
        while moments[first] <= moment - interval // MICROSECOND:
            first += 1
        most = max(most, index - first + 1)
    return most


@settings(max_examples=200)
@given(
    limits=LIMITS,
    turns=st.lists(
        st.tuples(
            st.integers(-2_000_000, 20_000_000),
            st.integers(1, 50),
            st.sampled_from([1.0, 1.0, 0.5, 0.1]),
            st.lists(st.floats(0, 1), min_size=50, max_size=50),
        ),
        max_size=20,
    ),
)
def test_no_window_ever_holds_more_than_its_limit(
    limits: list[RateLimit], turns: list[tuple[int, int, float, list[float]]]
) -> None:
    ledger, now, sent = Ledger(), START, []
    late = lateness(limits) // MICROSECOND
    for passed, wanted, share, delays in turns:
        # Clocks differ, so that a later lease may ask from an earlier moment.
        now += passed
        leased = lease(ledger, limits, now, wanted, share)
        ledger = leased.ledger
        sent += [time + int(late * delay) for time, delay in zip(leased.times, delays, strict=False)]

    for limit in limits:
        assert most_in_a_window(sent, limit.interval) <= limit.limit


@given(limits=LIMITS, wanted=st.integers(1, 200))
def test_times_are_in_order_not_before_now_and_within_reach(limits: list[RateLimit], wanted: int) -> None:
    first = lease(Ledger(), limits, START, wanted)
    second = lease(first.ledger, limits, START, wanted)

    times = [*first.times, *second.times]
    assert sorted(set(times)) == times
    assert START == times[0]
    assert times[-1] <= START + REACH // MICROSECOND


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ([RateLimit(20, SECOND)], 0.94),
        ([RateLimit(1, SECOND)], 0.94),
        ([RateLimit(20, SECOND), RateLimit(600, timedelta(minutes=1))], 0.94),
        ([RateLimit(20, SECOND), RateLimit(6, 10 * SECOND)], 0.94),
    ],
)
def test_nearly_all_of_the_tightest_limit_is_used(limits: list[RateLimit], share: float) -> None:
    ledger, now, count = Ledger(), START, 0
    minutes = 10
    while now < START + timedelta(minutes=minutes) // MICROSECOND:
        leased = lease(ledger, limits, now, 20)
        ledger, count = leased.ledger, count + len(leased.times)
        now = max(now + 1_000_000, leased.ledger.last)

    tightest = min(limit.limit / limit.interval.total_seconds() for limit in limits)
    assert count >= share * tightest * minutes * 60


def test_a_share_spaces_the_times_wider() -> None:
    at_full, at_half = (lease(Ledger(), [RateLimit(20, SECOND)], START, 2, share).times for share in (1.0, 0.5))

    assert 2 * (at_full[1] - at_full[0]) == pytest.approx(at_half[1] - at_half[0], abs=2)


def test_a_full_window_leaves_no_time_within_reach() -> None:
    limits = [RateLimit(10, SECOND), RateLimit(15, timedelta(days=1))]
    full = lease(Ledger(), limits, START, 100)

    assert 15 == len(full.times)
    assert () == lease(full.ledger, limits, START + 1_000_000, 1).times
    a_day_later = START + timedelta(days=1, hours=1) // MICROSECOND
    assert 15 == len(lease(full.ledger, limits, a_day_later, 15).times)


def test_a_ledger_stays_small() -> None:
    limits = [RateLimit(20, SECOND), RateLimit(100_000, timedelta(days=1))]
    ledger, now = Ledger(), START
    for _ in range(3_000):
        now += timedelta(minutes=3) // MICROSECOND
        ledger = lease(ledger, limits, now, 2).ledger

    assert all(len(counts) <= BUCKETS + 1 for counts in ledger.windows.values())


def test_the_ledger_tells_how_fast_calls_were_leased_lately() -> None:
    ledger, now = Ledger(), START // 10_000_000 * 10_000_000
    for _ in range(60):
        ledger = lease(ledger, [RateLimit(20, SECOND)], now, 10).ledger
        now += 1_000_000

    assert ledger.calls_per_second(now) == pytest.approx(10.0, rel=0.1)
    assert ledger.calls_per_second(now + 5_000_000) == pytest.approx(10.0 * 10 / 15, rel=0.1)
    assert 0.0 == ledger.calls_per_second(now + 60_000_000)
    assert len(ledger.lately) <= LAPS_KEPT + 1
