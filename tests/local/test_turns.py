"""Turns at work: one thread works, and the others while it waits."""

import threading

import pytest

from prograde.turns import Turn, waiting

PATIENCE_SECONDS = 10.0


def in_a_thread(turn: Turn, begun: threading.Event) -> threading.Thread:
    """Take the turn in another thread, and say when it has it."""

    def work() -> None:
        with turn:
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_another_works_only_while_this_one_waits() -> None:
    turn, begun = Turn(), threading.Event()
    with turn:
        other = in_a_thread(turn, begun)
        assert not begun.wait(0.05)
        with waiting:
            assert begun.wait(PATIENCE_SECONDS)
            other.join(PATIENCE_SECONDS)
        again = threading.Event()
        other = in_a_thread(turn, again)
        assert not again.wait(0.05), "the turn is this one's again"
    other.join(PATIENCE_SECONDS)
    assert again.is_set()


def test_the_turn_is_taken_back_and_given_up_whatever_is_raised() -> None:
    turn = Turn()
    with pytest.raises(TimeoutError), turn, waiting:
        raise TimeoutError

    begun = threading.Event()
    in_a_thread(turn, begun).join(PATIENCE_SECONDS)
    assert begun.is_set()


def test_a_thread_that_takes_no_turns_just_waits() -> None:
    with waiting, waiting:
        pass
