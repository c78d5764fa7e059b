from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from prograde.domain.batch import (
    EARLIEST,
    Batch,
    BatchStatus,
    Parameters,
    Seeding,
    Totals,
    Waking,
    cancelled,
    counter_drained,
    default_cutoff,
    finished,
    gave_up,
    parameter_problems,
    paused,
    reopened,
    resumed,
    seeded,
    settled,
    waking_everybody,
)
from prograde.domain.grading import Rubric, Tier
from prograde.domain.source_health import Outage, Pace
from prograde.errors import ConflictError
from tests.unit.examples import AS_OF, BATCH, CUTOFF, NOW, PARAMETERS

LATER = NOW + timedelta(minutes=5)
SEEDED = replace(BATCH, op=None)
DRAINED = replace(SEEDED, drained=BATCH.counters)
TROUBLED = replace(SEEDED, outage=Outage(NOW, "K2", NOW), waking=Waking(NOW, "K3", 4))

TOTALS = Totals({"done": 3}, {"A": 3}, 12)

VERBS: dict[str, Callable[[Batch], Batch]] = {
    "pause": lambda batch: paused(batch, "stopped by hand"),
    "resume": lambda batch: resumed(batch, LATER),
    "cancel": lambda batch: cancelled(batch, LATER),
    "give up": lambda batch: gave_up(batch, "the source answered nobody", LATER),
    "reopen": lambda batch: reopened(batch, LATER),
    "finish": lambda batch: finished(batch, LATER, "digest", TOTALS),
}
LEGAL = {
    ("running", "pause"): "paused",
    ("paused", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "resume"): "running",
    ("running", "cancel"): "draining",
    ("paused", "cancel"): "draining",
    ("running", "give up"): "draining",
    ("running", "reopen"): "running",
    ("paused", "reopen"): "paused",
    ("complete", "reopen"): "running",
    ("incomplete", "reopen"): "running",
    ("finalizing", "finish"): "complete",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", BatchStatus)
def test_a_verb_is_legal_or_a_conflict(status: BatchStatus, verb: str) -> None:
    batch = replace(SEEDED, status=status)
    if (status, verb) in LEGAL:
        assert LEGAL[status, verb] == VERBS[verb](batch).status
    else:
        with pytest.raises(ConflictError, match=f"batch-1 is {status} and cannot be"):
            VERBS[verb](batch)


@pytest.mark.parametrize("status", BatchStatus)
def test_only_what_is_over_is_over(status: BatchStatus) -> None:
    assert (status in {"complete", "incomplete", "cancelled"}) == status.is_over


def test_a_pause_says_why_and_raises_the_epoch() -> None:
    batch = paused(SEEDED, "stopped by hand")

    assert ("stopped by hand", 1) == (batch.reason, batch.epoch)


def test_a_resume_forgets_the_reason_and_gives_every_task_a_new_name() -> None:
    batch = resumed(paused(BATCH, "stopped by hand"), LATER)

    assert ("", 2, BATCH.wake + 1, LATER) == (batch.reason, batch.epoch, batch.wake, batch.due_at)


def test_pausing_resuming_or_cancelling_twice_changes_nothing_more() -> None:
    still = paused(SEEDED, "stopped by hand")
    going = resumed(still, LATER)
    ending = cancelled(going, LATER)

    assert still == paused(still)
    assert replace(still, reason="another reason") == paused(still, "another reason")
    assert going == resumed(going, LATER + timedelta(hours=1))
    assert ending == cancelled(ending, LATER + timedelta(hours=1))
    for status in (BatchStatus.FINALIZING, BatchStatus.CANCELLED):
        further_on = replace(ending, status=status)
        assert further_on == cancelled(further_on, LATER)


def test_a_pause_without_a_reason_says_that_somebody_asked_for_it() -> None:
    assert "paused by request" == paused(BATCH).reason


def test_a_new_epoch_begins_a_new_chain_and_renews_seeding() -> None:
    batch = waking_everybody(TROUBLED, LATER)

    assert (TROUBLED.epoch + 1, Waking(LATER, "", 0)) == (batch.epoch, batch.waking)
    assert (TROUBLED.wake + 1, LATER) == (batch.wake, batch.due_at)


def test_a_pause_ends_waking_and_forgets_an_outage() -> None:
    batch = paused(TROUBLED, "stopped by hand")

    assert (None, None) == (batch.waking, batch.outage)


@pytest.mark.parametrize("status", [BatchStatus.RUNNING, BatchStatus.PAUSED])
def test_a_cancelled_batch_drains_by_waking_everybody(status: BatchStatus) -> None:
    batch = cancelled(replace(TROUBLED, status=status, reason="stopped by hand"), LATER)

    assert (BatchStatus.DRAINING, True, "") == (batch.status, batch.is_cancelled, batch.reason)
    assert (None, Waking(LATER), TROUBLED.epoch + 1) == (batch.outage, batch.waking, batch.epoch)


def test_a_batch_that_gave_up_drains_by_waking_everybody_and_says_why() -> None:
    batch = gave_up(TROUBLED, "the source answered nobody", LATER)

    assert (BatchStatus.DRAINING, False, "the source answered nobody") == (
        batch.status,
        batch.is_cancelled,
        batch.reason,
    )
    assert (None, Waking(LATER), TROUBLED.epoch + 1) == (batch.outage, batch.waking, batch.epoch)


def test_at_the_rosters_end_a_batch_that_drains_begins_its_chain_anew() -> None:
    """The chain goes by id, the roster by its own order: it may have passed by whoever was seeded last."""
    seeding = cancelled(replace(BATCH, op=Seeding(0, 0)), NOW)
    some, everybody = Seeding(10, BATCH.roster.professionals - 1), Seeding(20, BATCH.roster.professionals)

    assert (some, seeding.epoch) == (seeded(seeding, some, LATER, LATER).op, seeded(seeding, some, LATER, LATER).epoch)
    done = seeded(seeding, everybody, LATER, LATER)
    assert (None, Waking(LATER), seeding.epoch + 1) == (done.op, done.waking, done.epoch)


def test_who_gives_up_cannot_be_cancelled_into_another_end() -> None:
    with pytest.raises(ConflictError, match="is draining and cannot be cancelled"):
        cancelled(gave_up(SEEDED, "the source answered nobody", LATER), LATER)


@pytest.mark.parametrize("verb", ["cancel", "give up"])
def test_a_batch_whose_last_professional_just_ended_finalizes_at_once(verb: str) -> None:
    batch = VERBS[verb](DRAINED)

    assert (BatchStatus.FINALIZING, 1, None) == (batch.status, batch.grading_run, batch.waking)


def test_finalize_begins_without_waking_or_outage() -> None:
    batch = settled(replace(TROUBLED, drained=BATCH.counters), LATER)

    assert (BatchStatus.FINALIZING, None, None) == (batch.status, batch.waking, batch.outage)


def test_a_reopened_batch_runs_on_and_forgets_how_it_ended() -> None:
    over = replace(
        DRAINED,
        status=BatchStatus.INCOMPLETE,
        reason="the source answered nobody",
        grading_run=1,
        finished_at=NOW,
        export_digest="digest",
        pace=Pace(0.05, NOW),
        strangers={"profile": 3},
    )

    expected = replace(DRAINED, status=BatchStatus.RUNNING, grading_run=1, reopened_at=LATER)
    assert expected == reopened(over, LATER)


def test_a_batch_is_late_until_its_first_finalize_is_done_and_never_for_a_replay() -> None:
    late = BATCH.created_at + timedelta(hours=PARAMETERS.promised_hours, seconds=1)
    first = settled(DRAINED, LATER)
    over = replace(first, status=BatchStatus.COMPLETE)

    assert [True, True] == [batch.is_late(late) for batch in (DRAINED, first)]
    again = reopened(over, LATER)
    assert [False] * 3 == [batch.is_late(late) for batch in (over, again, settled(again, LATER))]


@pytest.mark.parametrize("status", [BatchStatus.RUNNING, BatchStatus.PAUSED])
def test_a_batch_under_way_is_reopened_as_it_is(status: BatchStatus) -> None:
    batch = replace(TROUBLED, status=status, reason="stopped by hand")

    assert batch == reopened(batch, LATER)


@pytest.mark.parametrize("status", BatchStatus)
@pytest.mark.parametrize("probe_id", [None, "K1", "K2"])
def test_a_page_is_asked_for_in_a_running_batch_and_in_an_outage_only_the_probes(
    status: BatchStatus, probe_id: str | None
) -> None:
    batch = replace(SEEDED, status=status, outage=Outage(NOW, probe_id, NOW) if probe_id else None)

    assert (status == "running" and probe_id in {None, "K1"}) == batch.lets_work("K1")


@pytest.mark.parametrize(
    ("reason", "is_cancelled", "expected"),
    [
        ("", False, BatchStatus.COMPLETE),
        ("an outage", False, BatchStatus.INCOMPLETE),
        ("", True, BatchStatus.CANCELLED),
        ("an outage", True, BatchStatus.CANCELLED),
    ],
)
def test_a_batch_ends_complete_incomplete_or_cancelled(
    reason: str,
    is_cancelled: bool,  # noqa: FBT001  # a table's column
    expected: BatchStatus,
) -> None:
    batch = replace(DRAINED, status=BatchStatus.FINALIZING, reason=reason, is_cancelled=is_cancelled)

    over = finished(batch, LATER, "digest", TOTALS)

    assert (expected, LATER, "digest") == (over.status, over.finished_at, over.export_digest)


@pytest.mark.parametrize("status", BatchStatus)
@pytest.mark.parametrize("op", [None, Seeding(10, 1)], ids=["seeded", "seeding"])
@pytest.mark.parametrize("missing", [0, 1])
def test_a_batch_is_settled_only_when_it_is_open_seeded_and_drained(
    status: BatchStatus, op: Seeding | None, missing: int
) -> None:
    batch = replace(BATCH, status=status, op=op, drained=BATCH.counters - missing)

    after = settled(batch, LATER)

    if status in {"running", "draining"} and op is None and missing == 0:
        assert (BatchStatus.FINALIZING, 1, batch.wake + 1, LATER) == (
            after.status,
            after.grading_run,
            after.wake,
            after.due_at,
        )
    else:
        assert batch == after


def test_the_last_drained_counter_starts_finalize() -> None:
    batch = replace(SEEDED, drained=BATCH.counters - 2)

    statuses = [(batch := counter_drained(batch, LATER)).status for _ in range(2)]

    assert [BatchStatus.RUNNING, BatchStatus.FINALIZING] == statuses


def test_a_batch_that_drained_while_it_was_paused_finalizes_when_it_is_resumed() -> None:
    batch = counter_drained(replace(paused(SEEDED, "by hand"), drained=BATCH.counters - 1), NOW)

    assert BatchStatus.PAUSED is batch.status
    assert BatchStatus.FINALIZING is resumed(batch, LATER).status


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2026, 6, 30), date(2025, 6, 30)),
        (date(2024, 2, 29), date(2023, 3, 1)),
        (date(2025, 2, 28), date(2024, 2, 29)),
        (date(1901, 1, 1), EARLIEST),
        (date(1900, 6, 1), EARLIEST),
        (EARLIEST, EARLIEST),
        (date.min, EARLIEST),
        (date.max, date(9998, 12, 31)),
    ],
)
def test_the_default_cutoff_is_a_year_back_but_never_before_the_earliest_date(as_of: date, expected: date) -> None:
    assert expected == default_cutoff(as_of)


ACTIVE_TIERS = Rubric((Tier("Top", 9, minimum_active_listings=1), Tier("Rest")))


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        (PARAMETERS, []),
        (Parameters(as_of=EARLIEST, cutoff=EARLIEST), []),
        (replace(PARAMETERS, cutoff=AS_OF), []),
        (replace(PARAMETERS, as_of=AS_OF + timedelta(days=1)), ["as_of"]),
        (Parameters(as_of=date(1899, 12, 31), cutoff=date(1899, 12, 31)), ["as_of", "cutoff"]),
        (replace(PARAMETERS, cutoff=AS_OF + timedelta(days=1)), ["cutoff"]),
        (replace(PARAMETERS, tiers_to_process=("A", "Z", "a")), ["tiers_to_process", "tiers_to_process"]),
        (replace(PARAMETERS, rubric=ACTIVE_TIERS), []),
        (replace(PARAMETERS, rubric=ACTIVE_TIERS, include_active=False), ["include_active"]),
        (replace(PARAMETERS, rubric=Rubric((Tier("A", 1),))), ["tiers[0]"]),
        (
            Parameters(
                as_of=date(2030, 1, 1),
                cutoff=date(2031, 1, 1),
                rubric=Rubric((Tier("A", 1, None, 1), Tier("B", 2), Tier("F"))),
                tiers_to_process=("Z",),
                include_active=False,
            ),
            ["as_of", "cutoff", "tiers[1].minimum_volume", "tiers_to_process", "include_active"],
        ),
    ],
    ids=range(11),
)
def test_everything_wrong_with_parameters_is_named_at_once(parameters: Parameters, fields: list[str]) -> None:
    assert fields == [problem.field for problem in parameter_problems(parameters, today=AS_OF)]


def test_an_unknown_tier_is_answered_with_the_tiers_there_are_best_first() -> None:
    (problem,) = parameter_problems(replace(PARAMETERS, tiers_to_process=("Z",)), today=AS_OF)

    assert "is no tier of this run: A+, A, B, C, D, F" == problem.remedy


def test_the_window_of_the_parameters_includes_both_ends() -> None:
    assert (CUTOFF, AS_OF) == (PARAMETERS.window.cutoff, PARAMETERS.window.as_of)
