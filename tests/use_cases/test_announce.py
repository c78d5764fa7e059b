"""What people should hear of stands in the log, under the names that Terraform alerts by."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from prograde import structured_logging
from prograde.domain.batch import BatchStatus
from prograde.domain.outcome import Denied, Failure
from prograde.domain.professional import State
from prograde.errors import UnavailableError
from prograde.ports import PageRequest
from prograde.use_cases.announce import ALERTS, Event
from tests.contracts.specimens import PARAMETERS, SECOND
from tests.use_cases.bench import Bench
from tests.use_cases.interruptions import Crash
from tests.use_cases.outages import DOWN
from tests.use_cases.scripted_source import only_page

ROSTER = tuple(f"A{number}" for number in range(8))


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Give the lines so far, as a deployed function writes them."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    structured_logging.configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


Log = Callable[[], list[dict[str, object]]]


def events(log: Log) -> list[object]:
    return [line["event"] for line in log() if "event" in line]


def failing(professional_id: str) -> Callable[[PageRequest], object]:
    """Answer everybody but one."""
    return lambda request: Failure("bad", "it is") if request.professional_id == professional_id else only_page(request)


def test_every_status_of_a_batch_is_told_with_its_id(bench: Bench, log: Log) -> None:
    batch = bench.start(*ROSTER)
    bench.pause()
    bench.resume()
    bench.run()

    assert ["batch_running", "batch_paused", "batch_running", "batch_finalizing", "batch_complete"] == events(log)
    assert {(batch.batch_id, "north")} == {(line["batch_id"], line["source"]) for line in log()}


def test_a_refusal_of_the_credentials_is_told_with_its_reason(bench: Bench, log: Log) -> None:
    bench.source.answering = lambda _: Denied("401 Unauthorized")
    bench.start(*ROSTER)
    bench.run()

    line = next(line for line in log() if line.get("event") == "batch_paused")
    assert "WARNING" == line["severity"]
    assert "401 Unauthorized" in str(line["reason"])


def test_a_batch_that_ends_incomplete_is_an_error(bench: Bench, log: Log) -> None:
    bench.source.answering = lambda _: DOWN
    bench.start(*ROSTER, parameters=replace(PARAMETERS, outage_patience_minutes=1))
    bench.run()

    assert [("batch_incomplete", "ERROR")] == [(line.get("event"), line["severity"]) for line in log()][-1:]


def test_supervise_tells_of_an_outage_for_as_long_as_it_lasts(bench: Bench, log: Log) -> None:
    bench.source.answering = lambda _: DOWN
    bench.start(*ROSTER)
    bench.supervise()
    assert Event.CIRCUIT_OPEN not in events(log)
    bench.run_until(lambda: bench.batch().outage is not None)
    bench.supervise()
    bench.supervise()
    assert 2 == events(log).count(Event.CIRCUIT_OPEN)

    bench.source.answering = only_page
    bench.run_until(lambda: bench.batch().outage is None)
    bench.supervise()

    assert 2 == events(log).count(Event.CIRCUIT_OPEN)


def test_supervise_tells_of_a_batch_that_is_late(bench: Bench, log: Log) -> None:
    bench.start(*ROSTER)
    promised = timedelta(hours=PARAMETERS.promised_hours)
    bench.clock.moment += promised
    bench.supervise()
    assert Event.BATCH_LATE not in events(log)

    bench.clock.moment += SECOND
    bench.supervise()

    assert 1 == events(log).count(Event.BATCH_LATE)


def test_a_pause_is_told_once_however_many_calls_are_under_way(bench: Bench) -> None:
    def paused_meanwhile(request: PageRequest) -> object:
        if "paused" not in bench.statuses():
            bench.pause()
        return only_page(request)

    bench.source.answering = paused_meanwhile  # type: ignore[assignment]  # a page is an answer
    bench.start(*ROSTER)
    bench.run()

    assert ["running", "paused"] == bench.statuses()


def test_an_end_is_told_once_however_many_calls_are_under_way(bench: Bench) -> None:
    bench.start(*ROSTER)
    tasks = [bench.task(who) for who in ROSTER]
    bench.due()

    def ended_meanwhile() -> None:
        if len(tasks) > 1:
            bench.source.in_flight.append(ended_meanwhile)
            bench.deliver(tasks.pop())
        else:
            bench.cancel()
            bench.run()

    bench.source.in_flight = [ended_meanwhile]
    bench.deliver(tasks[0])

    assert ["running", "draining", "finalizing", "cancelled"] == bench.statuses()


def test_a_pause_that_the_warehouse_could_not_be_told_of_is_told_by_supervise(bench: Bench) -> None:
    bench.source.answering = lambda _: Denied("401 Unauthorized")
    bench.start(*ROSTER)
    while bench.batch().status is BatchStatus.RUNNING:
        with suppress(Crash):
            bench.deliver(bench.due()[0], bench.dying_before("warehouse.append_batch"))
    assert "paused" not in bench.statuses()

    bench.supervise()

    assert "paused" == bench.statuses()[-1]


def test_a_paused_batch_that_is_late_is_told_of_and_stays_asleep(bench: Bench, log: Log) -> None:
    bench.start(*ROSTER)
    bench.pause()
    before = bench.batch()
    bench.clock.moment += timedelta(hours=PARAMETERS.promised_hours) + SECOND
    bench.due()

    bench.supervise()

    assert 1 == events(log).count(Event.BATCH_LATE)
    assert before == bench.batch()
    assert [] == bench.due()


def test_a_replay_is_never_late(bench: Bench, log: Log) -> None:
    batch = bench.start(*ROSTER)
    bench.put_batch(replace(batch, grading_run=1))
    bench.clock.moment += timedelta(days=90)

    bench.supervise()

    assert Event.BATCH_LATE not in events(log)


@pytest.mark.parametrize(("roster", "is_told"), [(100, False), (99, True)])
def test_more_than_a_hundredth_given_up_is_told_of(bench: Bench, log: Log, roster: int, *, is_told: bool) -> None:
    bench.source.answering = failing("A5")  # type: ignore[assignment]  # a Failure is an answer
    bench.start(*(f"A{number}" for number in range(roster)))
    bench.run()

    assert State.FAILED is bench.professional("A5").state
    assert is_told is (Event.DEAD_LETTERS in events(log))


def test_what_the_warehouse_could_not_be_told_is_in_the_log(bench: Bench, log: Log) -> None:
    bench.start(*ROSTER)

    def fail() -> None:
        raise UnavailableError("not now")

    with pytest.raises(UnavailableError):
        bench.run(bench.before("warehouse.append_batch", fail))

    assert "batch_finalizing" == events(log)[-1]


def test_everything_that_alerts_is_told_somewhere(bench: Bench, log: Log) -> None:
    bench.source.answering = lambda _: DOWN
    bench.start(*ROSTER, parameters=replace(PARAMETERS, outage_patience_minutes=1, promised_hours=1))
    bench.run_until(lambda: bench.batch().outage is not None)
    bench.clock.moment += timedelta(hours=2)
    bench.supervise()
    bench.pause()
    bench.resume()
    bench.run()

    assert {Event.CORRUPTION} == ALERTS - set(events(log))
