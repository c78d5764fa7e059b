from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from prograde.adapters.documents import write_task
from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.local.sqlite_task_queue import InHand, SqliteTaskQueue
from prograde.adapters.waiting import waker
from prograde.domain.effects import PageTask, Queue, SeedTask, task_name
from prograde.errors import UnavailableError
from tests.contracts.specimens import BATCH, PAGE_TASK
from tests.local.functions import waiting
from tests.local.shifted_clock import ShiftedClock


def test_who_is_furthest_on_is_taken_first_then_who_is_due_the_longest(
    queue: SqliteTaskQueue, pages: list[PageTask]
) -> None:
    tasks = [
        replace(page, step=page.step % 3, wake=page.step, due_at=page.due_at - timedelta(seconds=page.step * 7 % 20))
        for page in pages
    ]
    queue.enqueue(tasks)

    expected = [task_name(task) for task in sorted(tasks, key=lambda task: (-task.step, task.due_at))]
    assert expected[:15] == [delivery.name for delivery in queue.exchange((), {Queue.PAGES: 15})]


def test_a_name_is_free_again_after_hours(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    queue.enqueue(pages)
    queue.exchange([delivery.name for delivery in queue.exchange((), {Queue.PAGES: 20})], {})
    assert 0 == waiting(queue)

    clock.set_by(3_700)
    queue.exchange(["unknown"], {})
    queue.enqueue(pages)

    assert len(pages) == waiting(queue)


def test_only_what_waits_is_next(queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]) -> None:
    later = clock.now() + timedelta(hours=1)
    queue.enqueue([*pages, SeedTask(BATCH.batch_id, 0, 0, later)])
    assert pages[0].due_at == queue.next_due_at(Queue)

    queue.exchange((), {Queue.PAGES: 20})

    assert queue.next_due_at([Queue.PAGES]) is None
    assert later == queue.next_due_at(Queue)
    assert queue.next_due_at([]) is None


def test_nothing_that_is_asked_for_each_delivery_walks_the_backlog(queue: SqliteTaskQueue) -> None:
    statements: list[str] = []
    with queue._file.read() as connection:
        connection.set_trace_callback(statements.append)
    queue.next_due_at(Queue)
    queue.exchange([delivery.name for delivery in queue.exchange((), {Queue.PAGES: 1})], {})

    with queue._file.read() as connection:
        connection.set_trace_callback(None)
        asked = [text for text in statements if text.startswith(("SELECT", "UPDATE", "DELETE"))]
        steps = [step for text in asked for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {text}")]

    assert len(asked) >= 4
    assert [] == [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]


# --- settling a delivery


def in_hand(queue: SqliteTaskQueue, clock: ShiftedClock, step: int = 3) -> tuple[PageTask, str]:
    """Take a page, and give its task and name."""
    task = replace(PAGE_TASK, due_at=clock.now(), step=step)
    queue.enqueue([task])
    (delivery,) = queue.exchange((), {Queue.PAGES: 1})
    assert task_name(task) == delivery.name
    return task, delivery.name


def test_what_a_delivery_enqueues_is_written_with_what_settles_it(queue: SqliteTaskQueue, clock: ShiftedClock) -> None:
    task, name = in_hand(queue, clock)
    with queue.settling():
        queue.enqueue([replace(task, step=task.step + 1)])
        assert [] == names(queue, "waiting")
        queue.exchange([name], {})
        assert [task_name(replace(task, step=task.step + 1))] == names(queue, "waiting")


def test_a_delivery_that_is_cut_off_before_it_settles_comes_again_and_has_enqueued_nothing(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    task, name = in_hand(queue, clock)
    with queue.settling():
        queue.enqueue([replace(task, step=task.step + 1)])
    queue.release()

    assert [name] == [delivery.name for delivery in queue.exchange((), {Queue.PAGES: 9})]


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_delivery_in_vain_has_enqueued_what_it_enqueued(
    queue: SqliteTaskQueue,
    clock: ShiftedClock,
    is_answered: bool,  # noqa: FBT001  # a table's column
) -> None:
    task, name = in_hand(queue, clock)
    following = replace(task, step=task.step + 1)
    with queue.settling():
        queue.enqueue([following])
        if is_answered:
            queue.put_back(name, clock.now())
        else:
            queue.hand_back(name)

    assert {name, task_name(following)} == set(names(queue, "waiting"))


@pytest.mark.parametrize(
    ("other_step", "is_next"), [(3, True), (4, False), (5, False)], ids=["behind", "as far, and due longer", "ahead"]
)
def test_a_page_is_followed_by_its_next_one_unless_another_one_is_further_on(
    queue: SqliteTaskQueue,
    clock: ShiftedClock,
    other_step: int,
    is_next: bool,  # noqa: FBT001  # a table's column
) -> None:
    task, name = in_hand(queue, clock, step=3)
    other = replace(task, professional_id="another", step=other_step)
    queue.enqueue([other])
    own = replace(task, step=4, due_at=clock.now())
    with queue.settling():
        queue.enqueue([own])
        (delivery,) = queue.exchange([name], {Queue.PAGES: 1})

    taken, left = (own, other) if is_next else (other, own)
    assert (task_name(taken), write_task(taken), 1, 0) == (
        delivery.name,
        delivery.body,
        delivery.deliveries,
        delivery.answers,
    )
    assert ([task_name(taken)], [task_name(left)]) == (names(queue, "in_hand"), names(queue, "waiting"))
    queue.release()
    assert 2 == len(names(queue, "waiting"))


def test_a_next_page_whose_time_has_not_come_or_whose_name_is_taken_is_not_taken(
    queue: SqliteTaskQueue, clock: ShiftedClock
) -> None:
    task, name = in_hand(queue, clock)
    later = replace(task, step=task.step + 1, due_at=clock.now() + timedelta(seconds=9))
    for following in (later, task):
        with queue.settling():
            queue.enqueue([following])
            assert [] == queue.exchange([], {Queue.PAGES: 1})
    assert [task_name(later)] == names(queue, "waiting")
    assert [name] == names(queue, "in_hand")


def names(queue: SqliteTaskQueue, state: str) -> list[str]:
    with queue._file.read() as connection:
        return [row[0] for row in connection.execute("SELECT name FROM tasks WHERE state = ?", (state,))]


def test_green_threads_each_settle_what_they_have_enqueued_themselves(
    queue: SqliteTaskQueue, clock: ShiftedClock, pages: list[PageTask]
) -> None:
    queue.enqueue(pages)
    taken = queue.exchange((), {Queue.PAGES: 3})
    following = {
        delivery.name: replace(PAGE_TASK, professional_id=f"after {each}", due_at=clock.now())
        for each, delivery in enumerate(taken)
    }
    written: dict[str, list[str]] = {}

    def settle(name: str) -> None:
        with queue.settling():
            queue.enqueue([following[name]])
            waker().wait(0.02)
            written[name] = [row[0] for row in queue._settling.rows or ()]
            queue.exchange([name], {})

    with GreenThreads("pages") as green:
        for delivery in taken:
            green.submit(settle, delivery.name)

    assert {name: [task_name(task)] for name, task in following.items()} == written


def test_in_one_commit_each_is_bounded_by_what_is_in_hand_after_those_before(
    queue: SqliteTaskQueue, pages: list[PageTask]
) -> None:
    queue.enqueue(pages)
    done = [delivery.name for delivery in queue.exchange((), {Queue.PAGES: 3})]
    told: list[set[str]] = []
    taken: list[str] = []

    def bounds(in_hand: InHand) -> tuple[Mapping[Queue, int], Collection[str]]:
        told.append(set(in_hand))
        return {Queue.PAGES: 2 - len(in_hand)} if len(in_hand) < 2 else {}, ()

    def go_on(name: str) -> None:
        taken.extend(delivery.name for delivery in queue.exchange([name], {Queue.PAGES: 1}, bounds))

    def all_go_on() -> None:
        for name in done:
            green.submit(go_on, name)

    with GreenThreads("pages") as green:
        green.submit(all_go_on)

    # The first leaves two, and takes none; then each that leaves is followed by one.
    assert [set(done[1:]), {done[2]}, {taken[0]}] == told
    assert set(taken) == set(queue.in_hand)
    assert 2 == len(taken)


def test_what_was_handed_back_is_in_hand_again_by_who_takes_it_next(queue: SqliteTaskQueue) -> None:
    queue.enqueue([PAGE_TASK])
    (first,) = queue.exchange((), {Queue.PAGES: 1})
    assert {first.name: (Queue.PAGES, PAGE_TASK.batch_id)} == queue.in_hand

    queue.hand_back(first.name)
    assert {} == queue.in_hand
    (second,) = queue.exchange((), {Queue.PAGES: 1})
    queue.exchange((), {})

    assert [second.name] == list(queue.in_hand)


def test_a_commit_that_fails_leaves_in_hand_what_was(queue: SqliteTaskQueue) -> None:
    queue.enqueue([PAGE_TASK])
    queue.exchange((), {Queue.PAGES: 1})
    before = queue.in_hand
    with queue._file.read() as connection:
        connection.execute("PRAGMA query_only = ON")

    with pytest.raises(UnavailableError):
        queue.exchange(list(before), {Queue.PAGES: 1})

    assert before == queue.in_hand
