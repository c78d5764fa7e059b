"""When the next call may leave: at a share of the rate, evenly."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.pace import RateLimit, free_at, used_up

SECOND = 1_000_000
TWENTY = RateLimit(20, timedelta(seconds=1))
SLOW_WINDOW = RateLimit(100, timedelta(minutes=1))

limits = st.lists(
    st.builds(RateLimit, st.integers(1, 30), st.integers(1, 100).map(lambda tenths: timedelta(seconds=tenths / 10))),
    min_size=1,
    max_size=3,
)


def sent(windows: list[RateLimit], calls: int, share: float) -> list[int]:
    """Send each call the moment that it may leave."""
    moments: list[int] = []
    now = 0

    def latest(back: int) -> int | None:
        return moments[-back] if back <= len(moments) else None

    for _ in range(calls):
        now = max(now, free_at(windows, now, latest, share))
        moments.append(now)
    return moments


def gaps(moments: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(moments)]


@pytest.mark.parametrize(("share", "gap"), [(0.5, 100_000), (0.25, 200_000), (0.1, 500_000), (0.05, 1_000_000)])
def test_calls_at_a_share_of_the_rate_are_spaced_evenly(share: float, gap: int) -> None:
    assert {gap} == set(gaps(sent([TWENTY], 50, share)))


def test_the_share_is_that_of_the_quickest_windows_rate() -> None:
    assert {200_000} == set(gaps(sent([TWENTY, SLOW_WINDOW], 5, 0.25)))


@pytest.mark.parametrize(
    ("calls", "later", "limit"), [(19, 0, None), (20, 0, TWENTY), (20, 2 * SECOND, None), (100, 0, SLOW_WINDOW)]
)
def test_the_limit_that_is_used_up_is_the_one_that_holds_up_longest(
    calls: int, later: int, limit: RateLimit | None
) -> None:
    moments = sent([TWENTY, SLOW_WINDOW], calls, 1.0)

    def latest(back: int) -> int | None:
        return moments[-back] if back <= len(moments) else None

    assert limit == used_up([TWENTY, SLOW_WINDOW], moments[-1] + later, latest)


def test_the_first_call_leaves_at_once_at_any_share() -> None:
    assert [0] == sent([TWENTY], 1, 0.05)


@given(limits, st.floats(0.05, 1.0))
def test_at_any_share_no_window_holds_more_than_its_limit(windows: list[RateLimit], share: float) -> None:
    moments = sent(windows, 70, share)

    for window in windows:
        span = window.interval // timedelta(microseconds=1)
        pairs = zip(moments, moments[window.limit :], strict=False)
        assert all(later - earlier > span for earlier, later in pairs)


@given(limits, st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_a_smaller_share_never_lets_a_call_leave_sooner(windows: list[RateLimit], one: float, other: float) -> None:
    slower, quicker = sorted((one, other))

    assert all(late >= early for late, early in zip(sent(windows, 40, slower), sent(windows, 40, quicker), strict=True))
