"""Dead letters: listed by cause, shown with their evidence, discarded."""

from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.outcome import Answered, Failure, NotFound
from prograde.domain.professional import Stage, State
from prograde.errors import ConflictError, NotFoundError
from prograde.ports import ATTEMPT_BODY_MAX, PageRequest
from prograde.use_cases import dead_letters as letters
from prograde.use_cases.dead_letters import dead_letters, discard, evidence, replay
from tests.use_cases.bench import Bench
from tests.use_cases.scripted_source import only_page

ROSTER = tuple(f"A{number}" for number in range(1, 7))
REFUSED = Failure("bad_request", "400: the filter is refused", is_terminal=True)
GONE = Failure("gone", "410", is_terminal=True)


def answer(request: PageRequest) -> Answered:
    """Refuse A2 and A4 their active listings, and A5 its sold history; know nothing of A6."""
    match (request.professional_id, request.stage):
        case ("A2" | "A4", Stage.ACTIVE):
            return REFUSED
        case ("A5", Stage.HISTORICAL):
            return GONE
        case ("A6", Stage.PROFILE):
            return NotFound()
        case _:
            return only_page(request)


@pytest.fixture
def over(bench: Bench) -> Bench:
    """Give a bench on whose batch, which is over, A2, A4 and A5 have failed, and A6 was not found."""
    bench.source.answering = answer
    bench.start(*ROSTER)
    assert BatchStatus.COMPLETE == bench.run().status
    return bench


def listed(bench: Bench, cause: str | None = None) -> list[str]:
    return [who.professional_id for who in dead_letters(bench.services.store, bench.batch().batch_id, cause)]


def throw_away(bench: Bench, *ids: str) -> None:
    discard(bench.services, bench.batch().batch_id, ids)


# --- listed


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_who_has_failed_is_listed_by_id_and_then_who_was_not_found(
    over: Bench, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "CHUNK", chunk)

    assert ["A2", "A4", "A5", "A6"] == listed(over)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [("bad_request", ["A2", "A4"]), ("gone", ["A5"]), ("not_found", ["A6"]), ("bad", []), ("", []), ("400", [])],
)
def test_the_dead_letters_of_one_cause_are_listed(over: Bench, cause: str, expected: list[str]) -> None:
    assert expected == listed(over, cause)


def test_a_running_batch_has_its_dead_letters_already(bench: Bench) -> None:
    bench.source.answering = answer
    bench.start(*ROSTER)
    for _ in range(2):
        bench.deliver(bench.task("A4"))

    assert ["A4"] == listed(bench)


def test_a_batch_in_which_nobody_failed_has_no_dead_letters(bench: Bench) -> None:
    bench.start(*ROSTER)
    bench.run()

    assert [] == listed(bench)


def test_there_are_no_dead_letters_of_a_batch_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        next(dead_letters(bench.services.store, "nothing"))


# --- their evidence


def test_the_evidence_of_a_dead_letter_are_its_calls_in_their_order(over: Bench) -> None:
    professional, attempts = evidence(over.services, over.batch().batch_id, "A5")

    assert over.professional("A5") == professional
    assert [(0, "profile", "ProfilePage"), (1, "active", "ListingPage"), (2, "historical", "Failure")] == [
        (attempt.step, attempt.stage, attempt.outcome) for attempt in attempts
    ]
    assert {line.raw_id for line in professional.ledger} < {attempt.raw_id for attempt in attempts}
    assert all(attempt.body.startswith("answer ") for attempt in attempts)


def test_a_long_answer_is_shown_in_part(over: Bench) -> None:
    batch_id = over.batch().batch_id
    over.source.padding = b"x" * ATTEMPT_BODY_MAX
    replay(over.services, batch_id, ["A2"])
    over.run()

    _, attempts = evidence(over.services, batch_id, "A2")

    assert ATTEMPT_BODY_MAX == len(attempts[-1].body)


@pytest.mark.parametrize(("who", "error"), [("A1", ConflictError), ("A9", NotFoundError)])
def test_who_is_no_dead_letter_has_no_evidence_to_show(over: Bench, who: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        evidence(over.services, over.batch().batch_id, who)


# --- discarded


def test_a_discarded_dead_letter_is_listed_no_more_and_its_professional_stays_failed(over: Bench) -> None:
    before = over.professional("A2"), over.batch()

    throw_away(over, "A2", "A5", "A6")

    assert ["A4"] == listed(over)
    assert before == (replace(over.professional("A2"), is_discarded=False), over.batch())
    assert [] == over.misbooked()
    _, attempts = evidence(over.services, over.batch().batch_id, "A2")
    assert 2 == len(attempts)


def test_discarding_twice_is_once(over: Bench) -> None:
    for _ in range(2):
        throw_away(over, "A2", "A2")

    assert ["A4", "A5", "A6"] == listed(over)


@pytest.mark.parametrize(("who", "error"), [("A1", ConflictError), ("A9", NotFoundError)])
def test_a_discard_that_names_somebody_else_discards_nobody(over: Bench, who: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        throw_away(over, "A2", who)

    assert ["A2", "A4", "A5", "A6"] == listed(over)


def test_a_discarded_dead_letter_that_is_replayed_and_fails_again_is_listed_again(over: Bench) -> None:
    throw_away(over, "A2")
    replay(over.services, over.batch().batch_id, ["A2"])
    over.run()

    assert State.FAILED == over.professional("A2").state
    assert ["A2", "A4", "A5", "A6"] == listed(over)
