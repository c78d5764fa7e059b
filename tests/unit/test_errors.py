import inspect

import pytest

from prograde import errors
from prograde.errors import InputError, Problem, ProgradeError, TerminalError, TransientError

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, Exception) and member.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_in_the_tree_that_the_module_draws(kind: type[Exception]) -> None:
    assert issubclass(kind, ProgradeError)
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__name__.endswith("Error")


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if not kind.__subclasses__()])
def test_every_error_is_either_terminal_or_transient(kind: type[Exception]) -> None:
    assert issubclass(kind, TerminalError) != issubclass(kind, TransientError)


def test_a_problem_names_field_value_and_remedy() -> None:
    assert "page_limit: -1: must be at least 1" == str(Problem("page_limit", -1, "must be at least 1"))


def test_a_problem_shows_the_head_of_a_long_value() -> None:
    text = str(Problem("tiers", "x" * 10_000, "too long"))

    assert f"tiers: '{'x' * 116}...: too long" == text


def test_an_input_error_carries_all_problems_at_once() -> None:
    problems = [Problem("as_of", "x", "must be a date"), Problem("cutoff", "y", "must be a date")]

    error = InputError(iter(problems))

    assert tuple(problems) == error.problems
    assert "as_of: 'x': must be a date; cutoff: 'y': must be a date" == str(error)
