"""Replaying dead letters: a new step, counters opened again, and another grading run; the old export stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from prograde.domain.batch import Batch, BatchStatus
from prograde.domain.effects import FinalizeTask
from prograde.domain.outcome import Failure, NotFound
from prograde.domain.professional import State, StopReason
from prograde.errors import ConflictError, NotFoundError
from prograde.use_cases import dead_letters as letters
from prograde.use_cases.dead_letters import replay
from prograde.use_cases.services import Services
from tests.contracts.specimens import NOON, PARAMETERS
from tests.use_cases.bench import Bench, opened
from tests.use_cases.interruptions import Crash, crash
from tests.use_cases.outages import out
from tests.use_cases.scripted_source import only_page

EVERYBODY = tuple(f"A{number:02}" for number in range(35))
FAILING = ("A00", "A01", "A16", "A32", "A33")
"""The first, third and fourth share a counter, the others another."""
REFUSED = Failure("bad_request", "400: the filter is refused", is_terminal=True)


def begin(bench: Bench, roster: tuple[str, ...] = EVERYBODY) -> Bench:
    """Start a batch in which some will fail."""
    bench.source.answering = lambda request: REFUSED if request.professional_id in FAILING else only_page(request)
    bench.start(*roster)
    return bench


def mend(bench: Bench) -> None:
    bench.source.answering = only_page


def replay_all(bench: Bench, services: Services | None = None, *, ids: tuple[str, ...] = FAILING) -> Batch:
    return replay(services or bench.services, bench.batch().batch_id, ids)


@pytest.fixture
def over(bench: Bench) -> Bench:
    """Give a bench on whose batch, which is over, five have failed, and nobody would any more."""
    assert BatchStatus.COMPLETE == begin(bench).run().status
    mend(bench)
    return bench


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def snapshot(bench: Bench) -> tuple[object, ...]:
    """Tell everything that is stored."""
    return bench.batch(), bench.people(), bench.services.store.counters(bench.batch().batch_id)


# --- a batch that is over


@pytest.mark.parametrize("ids", [FAILING[:1], FAILING[:2], FAILING[2:4], FAILING], ids=range(4))
@pytest.mark.parametrize("chunk", [1, 100])
def test_a_batch_that_is_over_runs_on_with_its_counters_opened_again(
    over: Bench, ids: tuple[str, ...], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "CHUNK", chunk)
    steps = {who: over.professional(who).step for who in ids}

    batch = replay_all(over, ids=ids)

    assert batch == over.batch()
    assert (BatchStatus.RUNNING, None, "", 1) == (
        batch.status,
        batch.finished_at,
        batch.export_digest,
        batch.grading_run,
    )
    assert len(ids) == over.pending()
    assert [] == over.misbooked()
    assert {who: step + 1 for who, step in steps.items()} == {who: over.professional(who).step for who in ids}
    assert {over.task(who) for who in ids} == over.due_pages()
    assert "running" == over.statuses()[-1]


def test_another_grading_run_follows_and_the_old_export_stays_byte_for_byte(over: Bench) -> None:
    [first] = over.exports()
    before, digest = contents(first), over.batch().export_digest
    replay_all(over)

    batch = over.run()

    assert (BatchStatus.COMPLETE, 2) == (batch.status, batch.grading_run)
    assert ["001", "002"] == [path.name for path in over.exports()]
    assert before == contents(first)
    assert digest != batch.export_digest == over.manifest()["export_digest"]
    assert {"done": 35} == over.manifest()["professionals"]["by_state"]
    assert [] == over.misbooked()
    assert () == over.differences()
    assert ["running", "finalizing", "complete"] * 2 == over.statuses()


def test_who_was_not_found_is_looked_for_again_beside_who_failed(bench: Bench) -> None:
    begin(bench)
    answer = bench.source.answering
    bench.source.answering = lambda request: NotFound() if request.professional_id == "A02" else answer(request)
    bench.run()
    assert {"done": 29, "failed": 5, "not_found": 1} == bench.manifest()["professionals"]["by_state"]
    mend(bench)

    replay_all(bench, ids=("A00", "A02"))

    assert [] == bench.misbooked()
    assert BatchStatus.COMPLETE == bench.run().status
    assert {"done": 31, "failed": 4} == bench.manifest()["professionals"]["by_state"]
    assert [] == bench.misbooked()


def test_a_replay_in_the_end_gives_the_bytes_of_a_run_in_which_nobody_failed(tmp_path: Path) -> None:
    digests = []
    for name in ("failing", "well"):
        with opened(tmp_path / name) as bench:
            begin(bench)
            if name == "well":
                mend(bench)
            bench.run()
            mend(bench)
            if name == "failing":
                replay_all(bench)
                bench.run()
            digests.append(bench.batch().export_digest)

    assert digests[0] == digests[1]


def test_who_is_replayed_goes_on_where_it_stood_and_nobody_else_is_asked_for(over: Bench) -> None:
    calls = len(over.source.requests)
    replay_all(over, ids=("A01",))

    over.run()

    assert {"A01"} == {request.professional_id for request in over.source.requests[calls:]}
    assert 3 == len(over.source.requests) - calls
    assert State.FAILED is over.professional("A00").state


def test_who_fails_again_is_a_dead_letter_again(bench: Bench) -> None:
    begin(bench).run()
    replay_all(bench)

    batch = bench.run()

    assert (BatchStatus.COMPLETE, 2) == (batch.status, batch.grading_run)
    assert {State.FAILED} == {bench.professional(who).state for who in FAILING}
    assert [] == bench.misbooked()


def test_who_failed_of_an_outage_can_be_replayed_as_if_there_had_been_none(tmp_path: Path) -> None:
    digests = []
    for name, lasts in (("out", timedelta(hours=1)), ("well", timedelta())):
        with opened(tmp_path / name) as bench:
            bench.source.seconds_a_call = 0.1
            bench.source.answering = out(bench.clock, NOON + timedelta(seconds=1), lasts)
            bench.start("A1", "A2", "A3", "A4", "A5", parameters=replace(PARAMETERS, outage_patience_minutes=10))
            if BatchStatus.INCOMPLETE == bench.run().status:
                given_up = [who for who in bench.people() if who.stop_reason is StopReason.SOURCE_OUTAGE]
                bench.clock.sleep(3_600.0)
                replay_all(bench, ids=tuple(who.professional_id for who in given_up))
                assert "" == bench.batch().reason
                assert BatchStatus.COMPLETE == bench.run().status
                assert 2 == bench.batch().grading_run
            digests.append(bench.batch().export_digest)

    assert digests[0] == digests[1]


def test_a_late_finalize_task_of_the_run_before_does_nothing(over: Bench) -> None:
    old = FinalizeTask(over.batch().batch_id, 1, over.batch().wake, over.batch().due_at)
    replay_all(over)
    before = snapshot(over)

    over.deliver(old)

    assert before == snapshot(over)
    assert BatchStatus.COMPLETE == over.run().status


# --- a batch under way


def test_a_running_batch_takes_who_failed_along(bench: Bench) -> None:
    begin(bench)
    for who in ("A00", "A16"):
        bench.deliver(bench.task(who))
    assert [] == bench.misbooked()
    mend(bench)

    replay_all(bench, ids=("A00", "A16"))

    assert (35, BatchStatus.RUNNING) == (bench.pending(), bench.batch().status)
    assert [] == bench.misbooked()
    batch = bench.run()
    assert (BatchStatus.COMPLETE, 1) == (batch.status, batch.grading_run)
    assert {State.DONE} == {who.state for who in bench.people()}


def test_a_paused_batch_takes_who_failed_along_when_it_is_resumed(bench: Bench) -> None:
    begin(bench)
    bench.deliver(bench.task("A00"))
    mend(bench)
    bench.pause()
    bench.due()

    batch = replay_all(bench, ids=("A00",))

    assert (BatchStatus.PAUSED, "somebody asked for it") == (batch.status, batch.reason)
    assert set() == bench.due_pages()
    assert [] == bench.misbooked()
    bench.resume()
    assert BatchStatus.COMPLETE == bench.run().status
    assert State.DONE is bench.professional("A00").state


def test_who_is_replayed_during_an_outage_waits_for_its_end(bench: Bench) -> None:
    bench.source.seconds_a_call = 0.1
    begin(bench, EVERYBODY[:8])
    bench.deliver(bench.task("A00"))
    bench.source.answering = out(bench.clock, bench.clock.now(), timedelta(minutes=2))
    bench.run_until(lambda: bench.batch().outage is not None)

    replay_all(bench, ids=("A00",))

    calls = bench.professional("A00").calls
    bench.run_until(lambda: bench.batch().outage is None)
    assert calls == bench.professional("A00").calls
    assert BatchStatus.COMPLETE == bench.run().status
    assert {State.DONE} == {who.state for who in bench.people()}


# --- as often as somebody asks


def test_replaying_twice_is_once(over: Bench) -> None:
    replay_all(over)
    before = snapshot(over)

    replay_all(over)

    assert before == snapshot(over)
    assert BatchStatus.COMPLETE == over.run().status
    assert 2 == over.batch().grading_run


def test_an_id_that_is_named_twice_is_replayed_once(over: Bench) -> None:
    replay_all(over, ids=("A00", "A00", "A00"))

    assert 1 == over.pending()
    assert [] == over.misbooked()


def test_two_replays_at_once_are_one(over: Bench) -> None:
    replay_all(over, over.before("store.transact", lambda: replay_all(over)))

    assert len(FAILING) == over.pending()
    assert [] == over.misbooked()
    assert {2} == {over.professional(who).step for who in FAILING}


def test_replaying_nobody_changes_nothing(over: Bench) -> None:
    before = snapshot(over)

    assert over.batch() == replay_all(over, ids=())

    assert before == snapshot(over)


# --- refused


@pytest.mark.parametrize(("who", "error"), [("A99", NotFoundError), ("A02", ConflictError)])
def test_a_replay_that_names_somebody_who_has_not_failed_changes_nothing(
    over: Bench, who: str, error: type[Exception]
) -> None:
    before = snapshot(over)

    with pytest.raises(error):
        replay_all(over, ids=("A00", who, "A01"))

    assert before == snapshot(over)
    assert [] == over.due_later()


def test_a_batch_that_is_not_there_has_nobody_to_replay(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        replay(bench.services, "nothing", ["A00"])


def finalizing(bench: Bench) -> None:
    bench.run_until(lambda: bench.batch().status is BatchStatus.FINALIZING)


def draining(bench: Bench) -> None:
    bench.run_until(lambda: bench.professional("A00").is_final)
    bench.cancel()


def cancelled(bench: Bench) -> None:
    draining(bench)
    bench.run()


@pytest.mark.parametrize("come_to", [finalizing, draining, cancelled])
def test_a_batch_that_ends_or_was_cancelled_refuses_a_replay(bench: Bench, come_to: Callable[[Bench], None]) -> None:
    come_to(begin(bench))
    before = snapshot(bench)
    assert State.FAILED is bench.professional("A00").state

    with pytest.raises(ConflictError, match="cannot be replayed"):
        replay_all(bench, ids=("A00",))

    assert before == snapshot(bench)
    assert bench.run().status.is_over


def test_a_replay_of_many_chunks_is_not_overtaken_by_those_it_has_opened(
    over: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "CHUNK", 1)

    def others_work() -> None:
        while tasks := [task for task in over.due() if not isinstance(task, FinalizeTask)]:
            for task in tasks:
                over.deliver(task)

    replay_all(over, over.before("store.transact", others_work, nth=2))

    assert {State.DONE} == {who.state for who in over.people() if who.professional_id not in FAILING}
    assert len(FAILING) == over.pending()
    assert (BatchStatus.COMPLETE, 2) == (over.run().status, over.batch().grading_run)
    assert {State.DONE} == {who.state for who in over.people()}


def test_of_a_replay_that_is_refused_half_way_who_is_open_goes_on_at_once(
    over: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "CHUNK", 1)

    with pytest.raises(ConflictError, match="only one that failed or was not found can be replayed"):
        replay_all(over, ids=("A00", "A02"))

    assert {over.task("A00")} == over.due_pages()


# --- crashes


@pytest.mark.parametrize("chunk", [2, 100])
def test_a_replay_that_died_before_any_write_is_made_whole_by_asking_again(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "CHUNK", chunk)
    for nth in count(1):
        with opened(tmp_path / str(nth)) as bench:
            begin(bench).run()
            mend(bench)
            try:
                replay_all(bench, bench.before_write(nth, crash))
            except Crash:
                assert [] == bench.misbooked()
                replay_all(bench)
                died = True
            else:
                died = False
            batch = bench.run()

            assert (BatchStatus.COMPLETE, 2) == (batch.status, batch.grading_run)
            assert {State.DONE} == {who.state for who in bench.people()}
            assert [] == bench.misbooked()
        if not died:
            break

    assert nth > 3


def test_a_replay_that_died_before_its_tasks_is_taken_up_by_supervise(over: Bench) -> None:
    with pytest.raises(Crash):
        replay_all(over, over.dying_before("queue.enqueue"))
    over.clock.sleep(600.0)
    over.services.store.raise_watermark("north", over.clock.now(), over.clock.now())

    over.supervise()

    assert BatchStatus.COMPLETE == over.run().status
    assert 2 == over.batch().grading_run


def test_a_crash_before_any_write_of_the_second_run_changes_nothing_in_the_end(tmp_path: Path) -> None:
    digests = set()
    for nth in count(1):
        with opened(tmp_path / str(nth)) as bench:
            begin(bench, EVERYBODY[:2]).run()
            mend(bench)
            replay_all(bench, ids=("A00", "A01"))
            dying, deaths = bench.before_write(nth, crash), 0
            while tasks := bench.due():
                for task in tasks:
                    try:
                        bench.deliver(task, dying)
                    except Crash:
                        deaths += 1
                        bench.deliver(task, dying)
            digests.add(bench.batch().export_digest)
            assert (BatchStatus.COMPLETE, 2) == (bench.batch().status, bench.batch().grading_run)
            assert [] == bench.misbooked()
        if not deaths:
            break

    assert nth > 20
    assert 1 == len(digests)
