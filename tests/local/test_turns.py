"""Turns at work: one thread works, and the others while it waits."""

import threading
from pathlib import Path

import pytest

from prograde.adapters.local.segmented_log import SegmentedLog
from prograde.turns import Turn, waiting

PATIENCE_SECONDS = 10.0


def in_a_thread(turn: Turn) -> tuple[threading.Thread, threading.Event]:
    """Take the turn in another thread, which says when it has it."""
    begun = threading.Event()

    def work() -> None:
        with turn.taken():
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, begun


def test_another_works_only_while_this_one_waits() -> None:
    turn = Turn()
    with turn.taken():
        first, begun = in_a_thread(turn)
        assert not begun.wait(0.05)
        with waiting(), waiting():
            assert begun.wait(PATIENCE_SECONDS)
            first.join(PATIENCE_SECONDS)
        second, begun = in_a_thread(turn)
        assert not begun.wait(0.05), "the turn is this one's again"
    second.join(PATIENCE_SECONDS)
    assert begun.is_set()


def test_the_turn_is_taken_back_and_given_up_whatever_is_raised() -> None:
    turn = Turn()
    with pytest.raises(TimeoutError), turn.taken(), waiting():
        raise TimeoutError

    thread, begun = in_a_thread(turn)
    thread.join(PATIENCE_SECONDS)
    assert begun.is_set()


def test_a_thread_that_takes_no_turns_just_waits() -> None:
    with waiting():
        pass


def test_others_work_while_a_raw_row_is_written(tmp_path: Path) -> None:
    turn, log = Turn(), SegmentedLog(tmp_path)

    def append() -> None:
        with turn.taken():
            log.append(b"{}")

    with log._turn:  # as somebody has it whose row is being synced
        writer = threading.Thread(target=append)
        writer.start()
        other, begun = in_a_thread(turn)
        assert begun.wait(PATIENCE_SECONDS)
        other.join(PATIENCE_SECONDS)
    writer.join(PATIENCE_SECONDS)
    log.close()
    assert [b"{}\n"] == [file.read_bytes() for file in tmp_path.iterdir()]
