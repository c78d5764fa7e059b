from collections.abc import Mapping

import pytest

from tests.fuzz.endless_answers import CUT, PARSED
from tests.fuzz.one_fetch import ANSWER_BYTES_MAX, READ_TIMEOUT_SECONDS, Measured, measured

SLACK_SECONDS = 8.0
"""What a busy machine may add, and what reading the largest document takes."""
CUT_BYTES_MAX = 4 * ANSWER_BYTES_MAX
"""The answer as it came and as it is shown, and what two buffers take."""
PARSED_BYTES_MAX = 50 * ANSWER_BYTES_MAX
"""Python takes some thirty times as much memory as the JSON that it reads: {"":0}, is 7 bytes and an object of 200."""


@pytest.fixture(scope="module")
def became() -> Mapping[str, Measured]:
    """Call them all, some at a time: most of them are spent waiting."""
    answers = {name: answer for name, (answer, _) in {**CUT, **PARSED}.items()}
    return dict(zip(answers, measured(answers.values()), strict=True))


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_does_not_end_is_given_up(became: Mapping[str, Measured], name: str) -> None:
    there = became[name]

    # Which of two limits is met first depends on the machine.
    assert there.outcome in [f"Failure {cause}" for cause in CUT[name][1].split(" or ")]
    assert there.seconds < READ_TIMEOUT_SECONDS + SLACK_SECONDS
    assert there.grown_bytes < CUT_BYTES_MAX


@pytest.mark.parametrize("name", PARSED)
def test_the_largest_answer_is_read_in_bounded_time_and_memory(became: Mapping[str, Measured], name: str) -> None:
    there = became[name]

    assert PARSED[name][1] == there.outcome
    assert there.seconds < READ_TIMEOUT_SECONDS + SLACK_SECONDS
    assert there.grown_bytes < PARSED_BYTES_MAX
