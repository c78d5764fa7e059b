"""What an answer proves, and how fast a source may be asked."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.source_health import (
    ANSWER_EVERY,
    RISE_PER_SECOND,
    SHARE_MIN,
    SLOWED_EVERY,
    THROTTLED_TO_OUTAGE,
    UNBROKEN,
    Answer,
    Pace,
)
from tests.unit.examples import NOW

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)

spans = st.timedeltas(timedelta(days=-2), timedelta(days=2))
shares = st.floats(SHARE_MIN, 1.0)
paces = st.builds(Pace, shares, st.none() | spans.map(lambda span: NOW + span))


@pytest.mark.parametrize(
    ("failed", "answered", "is_proof"),
    [
        (-SECOND, timedelta(), True),
        (-SECOND, -TICK, True),
        (-SECOND, -SECOND, False),
        (-SECOND, -2 * SECOND, False),
        (-SECOND, TICK, False),
        (SECOND, timedelta(), False),
    ],
    ids=["now", "just before", "as it failed", "before it failed", "from the future", "it failed in the future"],
)
def test_an_answer_after_the_failure_proves_that_the_source_was_well(
    failed: timedelta,
    answered: timedelta,
    is_proof: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert is_proof == Answer(NOW + answered, "K1").proves(NOW + failed, NOW)


@pytest.mark.parametrize(
    ("age", "is_news"),
    [
        (timedelta(), False),
        (ANSWER_EVERY - TICK, False),
        (ANSWER_EVERY, True),
        (timedelta(days=1), True),
        (-TICK, True),
        (-timedelta(days=1), True),
    ],
    ids=["now", "a moment ago", "at its end", "old", "a moment ahead", "a day ahead"],
)
def test_an_answer_is_news_a_while_after_the_known_one_by_when_they_were_asked_for(
    age: timedelta,
    is_news: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert is_news == Answer(NOW, "K2").is_news(Answer(NOW - age, "K1"))
    assert Answer(NOW, "K2").is_news(None)


@given(spans)
def test_at_first_the_whole_rate_is_asked_for(later: timedelta) -> None:
    assert 1.0 == Pace().share_at(NOW + later)


def test_slowing_halves_the_share_and_time_gives_it_back() -> None:
    slowed = Pace().slowed(NOW)

    assert Pace(0.5, NOW, NOW) == slowed
    assert 0.5 == slowed.share_at(NOW)
    assert 0.75 == pytest.approx(slowed.share_at(NOW + 30 * SECOND))
    assert 1.0 == slowed.share_at(NOW + timedelta(minutes=1))


@given(paces)
def test_everything_is_given_back_within_two_minutes(pace: Pace) -> None:
    since = pace.since or NOW

    assert 1.0 == pace.share_at(since + timedelta(minutes=2)) or pace.since is None


@given(paces, spans, spans)
def test_a_share_lies_between_the_least_and_all_and_never_sinks_by_time(
    pace: Pace, one: timedelta, other: timedelta
) -> None:
    earlier, later = sorted((NOW + one, NOW + other))

    assert SHARE_MIN <= pace.share_at(earlier) <= pace.share_at(later) <= 1.0


@given(shares, spans)
def test_a_clock_that_was_set_back_gives_nothing_back_too_early(share: float, span: timedelta) -> None:
    assert share == Pace(share, NOW).share_at(NOW - abs(span))


def test_calls_in_flight_that_are_throttled_together_slow_down_once() -> None:
    slowed = Pace().slowed(NOW)

    assert slowed is slowed.slowed(NOW)
    assert slowed is slowed.slowed(NOW + SLOWED_EVERY - TICK)
    again = slowed.slowed(NOW + SLOWED_EVERY)
    assert NOW + SLOWED_EVERY == again.since
    assert (0.5 + 5 * RISE_PER_SECOND) / 2 == pytest.approx(again.share)


def test_a_clock_that_was_set_back_does_not_keep_a_source_from_being_spared() -> None:
    assert Pace(0.25, NOW - SECOND, NOW - SECOND) == Pace(0.5, NOW, NOW).slowed(NOW - SECOND)


@given(paces, st.lists(spans, max_size=30))
def test_however_often_it_is_slowed_some_share_is_left(pace: Pace, moments: list[timedelta]) -> None:
    for moment in moments:
        pace = pace.slowed(NOW + moment)
        assert SHARE_MIN <= pace.share <= 1.0


def throttled_every(seconds: float, times: int, answered_at: datetime | None = None) -> Pace:
    """Slow down again and again, beginning now."""
    pace = Pace()
    for number in range(times):
        pace = pace.slowed(NOW + number * seconds * SECOND, answered_at)
    return pace


def test_throttling_that_goes_on_with_nobody_answered_is_an_outage_after_half_a_minute() -> None:
    pace = throttled_every(8.0, 5)

    assert NOW == pace.began
    assert pace.is_out(NOW + THROTTLED_TO_OUTAGE, None)
    assert pace.is_out(NOW + THROTTLED_TO_OUTAGE, NOW)
    assert not pace.is_out(NOW + THROTTLED_TO_OUTAGE - TICK, None)
    assert not pace.is_out(NOW + THROTTLED_TO_OUTAGE, NOW + TICK)


def test_throttling_begins_anew_after_an_answer_or_a_pause() -> None:
    assert NOW + 32 * SECOND == throttled_every(8.0, 5, answered_at=NOW + 25 * SECOND).began
    assert NOW + 3 * UNBROKEN == throttled_every(UNBROKEN.total_seconds(), 4).began
    assert not Pace().is_out(NOW, None)
