"""What is stored reads back as it was written."""

from dataclasses import fields, replace
from datetime import UTC
from types import EllipsisType
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.documents import (
    BATCH,
    COUNTER,
    PARAMETERS,
    PROFESSIONAL,
    read_finalize_task,
    read_page_task,
    read_seed_task,
    read_sounding_task,
    read_wake_task,
    task_kind,
    write_task,
)
from prograde.domain.aggregation import Aggregate
from prograde.domain.batch import Batch, Parameters, Roster, Seeding, Totals, Waking
from prograde.domain.counter import VOLUME_EDGES, Counter, Lap
from prograde.domain.effects import FinalizeTask, PageTask, SeedTask, SoundingTask, Task, WakeTask
from prograde.domain.grading import Rubric, Tier
from prograde.domain.professional import CountedPage, Professional, Stage
from prograde.domain.profile import Profile, Statistics
from prograde.domain.source_health import Answer, Outage, Pace
from prograde.errors import CorruptionError, InputError
from tests.contracts import specimens

T = TypeVar("T")

READERS = {
    "page": read_page_task,
    "seed": read_seed_task,
    "wake": read_wake_task,
    "finalize": read_finalize_task,
    "sounding": read_sounding_task,
}
# No number of ours needs more bits: prices and thresholds are bounded where they come in.
NUMBERS = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.dictionaries(st.text(), NUMBERS)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def _numbers(kind: object) -> st.SearchStrategy[int | None] | EllipsisType:
    if kind == int | None:
        return st.none() | NUMBERS
    return NUMBERS if kind is int else ...


def every_field(kind: type[T], **strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Draw each field of a dataclass, also those that have a default; by its type unless a strategy is given."""
    # The fields' names are read at run time: a new field is drawn without anybody thinking of it.
    drawn: dict[str, st.SearchStrategy[Any] | EllipsisType] = {
        field.name: strategies.get(field.name, _numbers(field.type))
        for field in fields(kind)  # type: ignore[arg-type]  # every kind here is a dataclass
    }
    return st.builds(kind, **drawn)


def stored(text: str) -> str:
    """Give what was written as another process reads it: one that does not know the value behind the text."""
    return f"{text}\n"


PROFILES = every_field(Profile, statistics=every_field(Statistics))
PROFESSIONALS = every_field(
    Professional,
    due_at=MOMENTS,
    failed_at=st.none() | MOMENTS,
    refused_at=st.none() | MOMENTS,
    profile=st.none() | PROFILES,
    aggregate=every_field(Aggregate),
    ledger=st.lists(every_field(CountedPage), max_size=3).map(tuple),
)
RUBRICS = st.builds(Rubric, st.lists(every_field(Tier), max_size=3).map(tuple))
PARAMETERS_DRAWN = every_field(Parameters, rubric=RUBRICS)
BATCHES = every_field(
    Batch,
    parameters=PARAMETERS_DRAWN,
    created_at=MOMENTS,
    due_at=MOMENTS,
    finished_at=st.none() | MOMENTS,
    reopened_at=st.none() | MOMENTS,
    roster=every_field(Roster),
    op=st.none() | every_field(Seeding),
    waking=st.none() | every_field(Waking, due_at=MOMENTS),
    answers=st.dictionaries(st.sampled_from(Stage), every_field(Answer, at=MOMENTS)),
    strangers=COUNTS,
    totals=st.none() | every_field(Totals, by_state=COUNTS, by_grade=COUNTS),
    outage=st.none() | every_field(Outage, since=MOMENTS, next_at=MOMENTS),
    pace=every_field(Pace, share=st.floats(0, 1), since=st.none() | MOMENTS, began=st.none() | MOMENTS),
)
TASKS: st.SearchStrategy[Task] = st.one_of(
    every_field(PageTask, due_at=MOMENTS),
    every_field(SeedTask, due_at=MOMENTS),
    every_field(WakeTask, due_at=MOMENTS),
    every_field(FinalizeTask, due_at=MOMENTS),
    every_field(SoundingTask, due_at=MOMENTS, sent_at=MOMENTS),
)


@given(PROFESSIONALS)
def test_a_professional_reads_back(professional: Professional) -> None:
    assert professional == PROFESSIONAL.read(stored(PROFESSIONAL.write(professional)))


@given(BATCHES)
def test_a_batch_reads_back(batch: Batch) -> None:
    assert batch == BATCH.read(stored(BATCH.write(batch)))


def test_the_answer_of_a_stage_is_found_again() -> None:
    batch = replace(specimens.BATCH, answers={Stage.ACTIVE: Answer(specimens.NOON, "agent-1")})

    assert Answer(specimens.NOON, "agent-1") == BATCH.read(BATCH.write(batch)).answers.get(Stage.ACTIVE)


COUNTERS = every_field(
    Counter,
    by_state=COUNTS,
    by_grade=COUNTS,
    by_cause=COUNTS,
    by_volume=st.dictionaries(st.sampled_from(VOLUME_EDGES), st.integers(0, 9)),
    laps=st.lists(every_field(Lap, at=MOMENTS), max_size=3).map(tuple),
)


@given(COUNTERS)
def test_a_counter_reads_back(counter: Counter) -> None:
    assert counter == COUNTER.read(stored(COUNTER.write(counter)))


@given(PARAMETERS_DRAWN)
def test_parameters_read_back(parameters: Parameters) -> None:
    assert parameters == PARAMETERS.read(stored(PARAMETERS.write(parameters)))


@given(TASKS)
def test_a_task_reads_back(task: Task) -> None:
    assert task == READERS[task_kind(task)](stored(write_task(task)).encode())


def test_a_professional_with_every_listing_it_may_have_stays_below_a_mebibyte() -> None:
    full = Aggregate(seen=bytes(range(256)) * (50_000 * 8 // 256))

    assert len(PROFESSIONAL.write(Professional("b", "p", 0, specimens.NOON, aggregate=full))) < 2**20


@pytest.mark.parametrize("text", ["", "null", "{}", "[]", '{"batch_id":', '{"batch_id": 1}', "\x00"])
def test_what_is_no_document_is_corruption(text: str) -> None:
    with pytest.raises(CorruptionError, match="not a stored Professional"):
        PROFESSIONAL.read(text)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"\xff\xfe", b'{"batch_id": {}}', b"[" * 100_000])
def test_what_is_no_task_is_bad_input(kind: str, body: bytes) -> None:
    with pytest.raises(InputError, match="body"):
        READERS[kind](body)
