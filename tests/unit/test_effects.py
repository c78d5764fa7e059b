from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.advancing import advance
from prograde.domain.batch import Batch, BatchStatus, Seeding, Waking
from prograde.domain.effects import (
    FinalizeTask,
    PageTask,
    SeedTask,
    SoundingTask,
    Task,
    WakeTask,
    digest,
    effects,
    task_name,
    woken,
)
from prograde.domain.outcome import Failure
from prograde.domain.professional import Professional, State
from prograde.domain.source_health import Outage
from tests.unit.examples import BATCH, NEWCOMER, NOW, PARAMETERS

OPEN = replace(NEWCOMER, step=7, wake=3)
FINAL = replace(OPEN, state=State.DONE)
LATER = NOW + timedelta(minutes=1)
WAKING = Waking(due_at=LATER, after="K0", turn=3)


@pytest.mark.parametrize("status", BatchStatus)
@pytest.mark.parametrize("op", [None, Seeding(10, 1)], ids=["seeded", "seeding"])
@pytest.mark.parametrize("waking", [None, WAKING], ids=["awake", "waking"])
@pytest.mark.parametrize("professional", [None, OPEN, FINAL], ids=["nobody", "open", "final"])
def test_what_must_happen_next_follows_from_stored_state(
    status: BatchStatus, op: Seeding | None, waking: Waking | None, professional: Professional | None
) -> None:
    batch = replace(BATCH, status=status, op=op, waking=waking)

    assert expected_kinds(batch, professional) == {type(task) for task in effects(batch, professional)}


def expected_kinds(batch: Batch, professional: Professional | None) -> set[type[Task]]:
    if batch.status == "finalizing":
        return {FinalizeTask}
    kinds: set[type[Task]] = {WakeTask} if batch.waking is WAKING else set()
    if professional is OPEN and batch.status == "running":
        kinds.add(PageTask)
    # Seeding goes on while a batch is paused, and while it drains so that everybody does.
    if professional is None and batch.op is not None and batch.status in {"running", "paused", "draining"}:
        kinds.add(SeedTask)
    return kinds


@pytest.mark.parametrize(("probe_id", "is_asked"), [(OPEN.professional_id, True), ("another", False)])
def test_in_an_outage_only_the_probe_has_a_task(
    probe_id: str,
    is_asked: bool,  # noqa: FBT001  # a table's column
) -> None:
    batch = replace(BATCH, op=None, outage=Outage(NOW, probe_id, NOW))

    assert ([PageTask] if is_asked else []) == [type(task) for task in effects(batch, OPEN)]
    assert [] == list(effects(batch, replace(OPEN, state=State.FAILED)))


def test_an_outage_keeps_nobody_from_being_seeded() -> None:
    assert [SeedTask] == [type(task) for task in effects(replace(BATCH, outage=Outage(NOW, "another", NOW)))]


def test_a_task_carries_what_is_stored_and_nothing_else() -> None:
    seeding = replace(BATCH, op=Seeding(512, 20), wake=4)
    finalizing = replace(BATCH, op=None, status=BatchStatus.FINALIZING, grading_run=2, wake=5)

    assert [PageTask("batch-1", OPEN.professional_id, 7, 3, NOW)] == list(effects(BATCH, OPEN))
    assert [SeedTask("batch-1", 4, 512, NOW)] == list(effects(seeding))
    assert [FinalizeTask("batch-1", 2, 5, NOW)] == list(effects(finalizing, FINAL))
    assert [WakeTask("batch-1", 6, 3, LATER)] == list(effects(replace(BATCH, op=None, epoch=6, waking=WAKING)))


def test_deriving_an_effect_twice_names_it_once() -> None:
    (first,), (again,) = effects(BATCH, OPEN), effects(BATCH, replace(OPEN, due_at=LATER))

    assert task_name(first) == task_name(again)


def test_a_step_and_a_wake_make_new_names() -> None:
    stepped = advance(OPEN, Failure("timeout", "no answer"), PARAMETERS, NOW)
    names = {task_name(task) for who in (OPEN, stepped, woken(OPEN, NOW, 0)) for task in effects(BATCH, who)}

    assert 3 == len(names)


def test_waking_changes_when_and_under_which_name_but_not_what() -> None:
    assert replace(OPEN, wake=4, due_at=LATER, epoch=2) == woken(OPEN, LATER, 2)


def test_names_stay_the_same_from_release_to_release() -> None:
    # Queues remember names: a new spelling would enqueue everything in flight a second time.
    assert "191b8c8e973839fbf6eb85a02e1e4c21" == task_name(PageTask("batch-1", "K1", 7, 3, NOW))
    assert "a87cad66d794b3dc1ce09fa11c5bb39a" == task_name(WakeTask("batch-1", 7, 3, NOW))


texts = st.text(max_size=3)
numbers = st.integers(0, 3)
tasks = (
    st.builds(PageTask, texts, texts, numbers, numbers, st.just(NOW))
    | st.builds(SeedTask, texts, numbers, numbers, st.just(NOW))
    | st.builds(WakeTask, texts, numbers, numbers, st.just(NOW))
    | st.builds(FinalizeTask, texts, numbers, numbers, st.just(NOW))
    | st.builds(
        SoundingTask,
        st.sampled_from(["north", "south"]),
        numbers.map(lambda minutes: NOW + timedelta(minutes=minutes)),
        st.just(NOW),
    )
)


@given(tasks, tasks)
def test_different_tasks_have_different_names(one: Task, other: Task) -> None:
    assert (one == other) == (task_name(one) == task_name(other))


@given(st.lists(texts, max_size=3), st.lists(texts, max_size=3))
def test_a_digest_tells_its_parts_apart(one: list[str], other: list[str]) -> None:
    assert (one == other) == (digest(*one) == digest(*other))


def test_a_digest_takes_any_text() -> None:
    names = {digest("a\0", "b"), digest("a", "\0b"), digest("a\0b"), digest("ab"), digest("1:a"), digest("\ud800")}

    assert 6 == len(names)
    assert {32} == {len(name) for name in names}


def test_batches_that_differ_have_tasks_that_differ() -> None:
    other: Batch = replace(BATCH, batch_id="batch-2")

    assert {task_name(task) for task in effects(BATCH)}.isdisjoint(task_name(task) for task in effects(other))
