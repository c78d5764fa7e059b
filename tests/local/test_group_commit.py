import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.local.group_commit import GroupCommit
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore, SqliteTransaction
from prograde.errors import CorruptionError, UnavailableError
from prograde.replacing import replace
from tests.contracts.specimens import BATCH


class Written:
    """Writes numbers, gives their squares, refuses some, and remembers what came together."""

    def __init__(self, refused: Callable[[int], BaseException | None] = lambda _: None) -> None:
        self.together: list[tuple[int, ...]] = []
        self._refused = refused

    def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        for number in numbers:
            if (error := self._refused(number)) is not None:
                raise error
        self.together.append(tuple(numbers))
        return [number * number for number in numbers]


def at_once(green: GreenThreads, work: Callable[[Any], object], items: Sequence[object]) -> None:
    """Begin all before any of them runs, from a green thread."""
    for item in items:
        green.submit(work, item)


def brought(commit: GroupCommit[int, int], numbers: Sequence[int]) -> dict[int, int | BaseException]:
    """Let a green thread bring each, and tell what each got."""
    got: dict[int, int | BaseException] = {}

    def bring(number: int) -> None:
        try:
            got[number] = commit.write(number)
        except BaseException as error:  # noqa: BLE001  # what is looked at
            got[number] = error

    with GreenThreads("green") as green:
        green.submit(at_once, green, bring, numbers)
    return got


def test_what_several_bring_is_written_together_and_each_gets_its_own_result() -> None:
    write = Written()

    got = brought(GroupCommit(write), range(5))

    assert {number: number * number for number in range(5)} == got
    assert [(0, 1, 2, 3, 4)] == write.together


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit()])
def test_one_that_cannot_be_written_spoils_nobody_elses(error: BaseException) -> None:
    write = Written(lambda number: error if number == 2 else None)

    got = brought(GroupCommit(write), range(4))

    assert {0: 0, 1: 1, 2: error, 3: 9} == got
    assert [(0,), (1,), (3,)] == write.together


@pytest.mark.parametrize(
    ("error", "numbers"),
    [(ValueError("no"), [7]), (UnavailableError("the disk is full"), [7, 8, 9])],
    ids=["a single one", "our own infrastructure fails"],
)
def test_what_another_try_cannot_help_is_tried_once(error: Exception, numbers: list[int]) -> None:
    tried = []

    def refused(number: int) -> BaseException:
        tried.append(number)
        return error

    assert dict.fromkeys(numbers, error) == brought(GroupCommit(Written(refused)), numbers)
    assert [7] == tried


def test_what_a_commit_writes_elsewhere_is_written_at_once() -> None:
    write = Written()
    inner = GroupCommit(write)

    def both(numbers: Sequence[int]) -> Sequence[int]:
        return [inner.write(number) for number in numbers]

    assert {2: 4, 3: 9} == brought(GroupCommit(both), (2, 3))
    assert [(2,), (3,)] == write.together


def test_a_writer_that_leaves_out_a_result_keeps_nobody_waiting() -> None:
    got = brought(GroupCommit(lambda numbers: list(numbers)[1:]), (1, 2))

    assert {1: IndexError, 2: IndexError} == {number: type(error) for number, error in got.items()}


def test_two_crews_commit_each_for_themselves() -> None:
    write = Written()

    def slowly(numbers: Sequence[int]) -> Sequence[int]:
        time.sleep(0.01)
        return write(numbers)

    commit = GroupCommit(slowly)

    def bring_on(numbers: range) -> None:
        for number in numbers:
            commit.write(number)

    def run(numbers: range) -> None:
        with GreenThreads("green") as green:
            for begin in range(4):
                green.submit(bring_on, numbers[begin::4])

    crews = [threading.Thread(target=run, args=(numbers,)) for numbers in (range(40), range(40, 80))]

    for each in crews:
        each.start()
    for each in crews:
        each.join()

    assert list(range(80)) == sorted(number for numbers in write.together for number in numbers)
    assert all(len({number < 40 for number in numbers}) == 1 for numbers in write.together)


def test_what_is_brought_after_a_commit_is_in_the_next_one() -> None:
    write = Written()
    commit = GroupCommit(write)

    def bring_twice(number: int) -> None:
        commit.write(commit.write(number))

    with GreenThreads("green") as green:
        green.submit(at_once, green, bring_twice, (2, 3))

    assert [(2, 3), (4, 9)] == write.together


def test_in_a_thread_of_its_own_everybody_writes_alone_beside_green_threads() -> None:
    write = Written()
    commit = GroupCommit(write)
    threads = [threading.Thread(target=commit.write, args=(number,)) for number in (10, 11)]

    for thread in threads:
        thread.start()
    brought(commit, (1, 2))
    for thread in threads:
        thread.join()

    assert {(10,), (11,), (1, 2)} == set(write.together)


def test_transactions_of_green_threads_are_one_commit_and_one_that_breaks_is_undone_alone(tmp_path: Path) -> None:
    store = SqliteBatchStore(tmp_path / "state.db")
    statements: list[str] = []
    raised: list[BaseException] = []

    def create(name: str) -> None:
        def callback(transaction: SqliteTransaction) -> None:
            transaction.put_batch(replace(BATCH, batch_id=name))
            if name == "broken":
                raise CorruptionError("on purpose")

        try:
            store.transact(callback)
        except CorruptionError as error:
            raised.append(error)

    with store._file.read() as connection:
        connection.set_trace_callback(statements.append)
    with GreenThreads("green") as green:
        green.submit(at_once, green, create, ("one", "two", "three"))
    assert 1 == statements.count("COMMIT")
    with GreenThreads("green") as green:
        green.submit(at_once, green, create, ("four", "broken", "five"))

    assert ["five", "four", "one", "three", "two"] == sorted(batch.batch_id for batch in store.batches())
    assert 1 == len(raised)
    store.close()
