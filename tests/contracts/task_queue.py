from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from prograde.adapters.documents import (
    read_finalize_task,
    read_page_task,
    read_seed_task,
    read_sounding_task,
    read_wake_task,
)
from prograde.domain.effects import FinalizeTask, SeedTask, SoundingTask, Task, WakeTask, task_name
from prograde.ports import TaskQueue
from tests.contracts.specimens import AWKWARD, BATCH, NOON, PAGE_TASK, SECOND


@dataclass(frozen=True, slots=True)
class Delivered:
    """What reached a function."""

    name: str
    body: bytes


Deliver = Callable[[datetime], list[Delivered]]


class TaskQueueContract:
    """What every TaskQueue promises."""

    @pytest.fixture
    def queue(self) -> TaskQueue:
        """Give an empty queue."""
        raise NotImplementedError

    def test_it_answers(self, queue: TaskQueue) -> None:
        queue.check()

    @pytest.fixture
    def deliver(self) -> Deliver:
        """Give a way to set the time, and to deliver and acknowledge all that is due then, the longest due first."""
        raise NotImplementedError

    def test_a_task_is_delivered_under_its_name(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK])

        assert [task_name(PAGE_TASK)] == [delivered.name for delivered in deliver(NOON)]

    @pytest.mark.parametrize(
        ("task", "read"),
        [
            (PAGE_TASK, read_page_task),
            (replace(PAGE_TASK, professional_id=AWKWARD), read_page_task),
            (SeedTask(BATCH.batch_id, wake=2, offset=4096, due_at=NOON), read_seed_task),
            (WakeTask(BATCH.batch_id, epoch=2, turn=7, due_at=NOON), read_wake_task),
            (FinalizeTask(BATCH.batch_id, grading_run=1, wake=3, due_at=NOON), read_finalize_task),
            (SoundingTask("north", sent_at=NOON, due_at=NOON), read_sounding_task),
        ],
        ids=["page", "awkward page", "seed", "wake", "finalize", "sounding"],
    )
    def test_a_task_arrives_as_it_was(
        self, queue: TaskQueue, deliver: Deliver, task: Task, read: Callable[[bytes], Task]
    ) -> None:
        queue.enqueue([task])

        assert [task] == [read(delivered.body) for delivered in deliver(NOON)]

    def test_a_name_given_twice_in_one_call_is_delivered_once(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK, PAGE_TASK])

        assert 1 == len(deliver(NOON))

    def test_a_name_that_waits_is_not_added_again(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK])
        # The name says step and wake; the first one's time and body stay.
        queue.enqueue([replace(PAGE_TASK, due_at=NOON - SECOND)])

        assert [PAGE_TASK] == [read_page_task(delivered.body) for delivered in deliver(NOON)]

    def test_a_name_that_was_delivered_is_not_added_again(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK])
        deliver(NOON)

        queue.enqueue([PAGE_TASK])

        assert [] == deliver(NOON + 60 * SECOND)

    def test_known_names_do_not_hinder_new_ones(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK])

        queue.enqueue([PAGE_TASK, replace(PAGE_TASK, step=4), PAGE_TASK, replace(PAGE_TASK, wake=2)])

        assert 3 == len(deliver(NOON))

    def test_a_task_is_not_delivered_before_it_is_due(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([replace(PAGE_TASK, due_at=NOON + SECOND)])

        assert [] == deliver(NOON + SECOND - timedelta(milliseconds=1))
        assert 1 == len(deliver(NOON + SECOND))

    def test_a_task_that_was_due_long_ago_is_delivered(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([replace(PAGE_TASK, due_at=NOON - timedelta(days=40))])

        assert 1 == len(deliver(NOON))

    def test_enqueueing_nothing_adds_nothing(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([])

        assert [] == deliver(NOON)

    def test_another_pace_loses_nothing(self, queue: TaskQueue, deliver: Deliver) -> None:
        queue.enqueue([PAGE_TASK])
        queue.pace("north", 0.05)
        queue.enqueue([replace(PAGE_TASK, step=4)])
        queue.pace("north", 1.0)

        assert 2 == len(deliver(NOON))

    def test_many_tasks_fit_in_one_call(self, queue: TaskQueue, deliver: Deliver) -> None:
        tasks = [replace(PAGE_TASK, step=step) for step in range(1_200)]

        queue.enqueue(tasks)

        assert {task_name(task) for task in tasks} == {delivered.name for delivered in deliver(NOON)}
