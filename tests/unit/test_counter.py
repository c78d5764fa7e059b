from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.aggregation import Aggregate
from prograde.domain.counter import CAUSES_MAX, LAPS_MAX, OTHER_CAUSES, Counter, laps_since, new_counters, volume_edge
from prograde.domain.professional import Professional, State
from tests.unit.examples import NEWCOMER, NOW

DONE = replace(NEWCOMER, state=State.DONE, calls=3)
SECOND = timedelta(seconds=1)


def failed(cause: str) -> Professional:
    return replace(NEWCOMER, state=State.FAILED, calls=5, last_failure=f"{cause}: a detail")


@given(st.integers(0, 5_000), st.integers(1, 64))
def test_counters_are_dealt_exactly_the_professionals_of_their_places(professionals: int, counters: int) -> None:
    places = Tally(sequence % counters for sequence in range(professionals))

    dealt = new_counters(professionals, counters)

    assert [(index, places[index]) for index in range(counters)] == [(each.index, each.pending) for each in dealt]


def test_a_counter_counts_final_transitions_by_state_grade_cause_and_volume() -> None:
    counter = Counter(0, pending=3)
    rich = replace(DONE, aggregate=Aggregate(half_cents=2 * 100 * 2_600_000))

    for professional, grade in ((DONE, "F"), (rich, "C"), (failed("timeout"), None)):
        counter = counter.closed_one(professional, grade, NOW)

    assert (0, 11) == (counter.pending, counter.calls)
    assert ({"done": 2, "failed": 1}, {"F": 1, "C": 1}) == (counter.by_state, counter.by_grade)
    assert ({"timeout": 1}, {0: 1, 2_000_000: 1}) == (counter.by_cause, counter.by_volume)


@pytest.mark.parametrize(
    ("dollars", "edge"), [(0, 0), (9_999, 0), (10_000, 10_000), (19_999, 10_000), (5_500_000, 5_000_000), (9e12, 5e9)]
)
def test_a_volume_stands_over_the_edge_below_it(dollars: float, edge: float) -> None:
    assert edge == volume_edge(replace(DONE, aggregate=Aggregate(half_cents=int(dollars) * 200)))


@given(st.lists(st.sampled_from(["timeout", "server_error", "malformed"]), max_size=9), st.integers(0, 5))
def test_reopening_undoes_as_many_ends(causes: list[str], done: int) -> None:
    counter = Counter(0, pending=len(causes) + done + 2)
    for _ in range(done):
        counter = counter.closed_one(DONE, "A", NOW)
    before = counter
    letters = [failed(cause) for cause in causes]
    for letter in letters:
        counter = counter.closed_one(letter, None, NOW)

    after = counter.reopened(letters)

    assert (before.pending, before.by_grade, before.calls) == (after.pending, after.by_grade, after.calls)
    assert +Tally(before.by_state) == +Tally(after.by_state)
    assert not +Tally(after.by_cause)


def test_causes_without_end_are_counted_together() -> None:
    letters = [failed(f"cause {number}") for number in range(CAUSES_MAX + 5)]
    counter = Counter(0, pending=len(letters))
    for letter in letters:
        counter = counter.closed_one(letter, None, NOW)

    assert CAUSES_MAX + 1 == len(counter.by_cause)
    assert 5 == counter.by_cause[OTHER_CAUSES]
    assert not +Tally(counter.reopened(letters).by_cause)


def test_the_laps_tell_who_ended_lately_and_no_more_than_two_minutes() -> None:
    counter = Counter(0, pending=1_000)
    for second in range(300):
        counter = counter.closed_one(DONE, "A", NOW + second * SECOND)

    assert LAPS_MAX == len(counter.laps)
    assert {10} == {lap.ended for lap in counter.laps}
    latest = list(laps_since([counter, counter], NOW + 290 * SECOND))
    assert [(NOW + 290 * SECOND, 10)] * 2 == [(lap.at, lap.ended) for lap in latest]


def test_a_clock_that_is_set_back_begins_another_lap() -> None:
    counter = Counter(0, pending=2).closed_one(DONE, "A", NOW).closed_one(DONE, "A", NOW - 60 * SECOND)

    assert [1, 1] == [lap.ended for lap in counter.laps]
