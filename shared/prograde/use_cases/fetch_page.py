"""One page: at most one call, its raw row, one transaction, then what must happen next."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from prograde.correlation import correlated
from prograde.domain.advancing import advance
from prograde.domain.batch import Batch, BatchStatus, counter_drained
from prograde.domain.counter import Counter
from prograde.domain.effects import PageTask, effects, woken
from prograde.domain.learning import denied, forbidden_to_all, learned
from prograde.domain.outcome import (
    Denied,
    Failure,
    ListingPage,
    NotFound,
    Outcome,
    ProfilePage,
    Proven,
    Refusal,
    Refused,
    Throttled,
    Unproven,
)
from prograde.domain.professional import Professional, State, begun_anew
from prograde.domain.raw_page import RawPage, outcome_detail, page_records, raw_page_id
from prograde.domain.source_health import Answer
from prograde.errors import CorruptionError, NotSeededError
from prograde.ports import PageRequest, Transaction
from prograde.replacing import replace
from prograde.use_cases.announce import announce_status
from prograde.use_cases.read_batch import read_batch, stored_batch
from prograde.use_cases.services import Services
from prograde.use_cases.witness import witness_of

_log = logging.getLogger(__name__)

DEATHS_MAX = 3
"""A task delivered this often without an answer kills its handler each time: its page counts as a failure."""
SKEW = timedelta(seconds=2)
"""How early a task may come, between clocks that differ, and still be worked."""


def fetch_page(services: Services, task: PageTask, deaths: int) -> None:
    """
    Take a delivered page task; harmless however often and however late it comes.

    `deaths` counts the earlier deliveries that got no answer at all: a page that kills its handler. Raises a
    TransientError, and changes nothing, when our own infrastructure fails.
    """
    professional = services.store.professional(task.batch_id, task.professional_id)
    batch = read_batch(services.store, task.batch_id)
    if professional is None or (task.step, task.wake) > (professional.step, professional.wake):
        raise NotSeededError(f"professional {task.professional_id} is not at step {task.step} yet")
    facts = {
        "step": professional.step,
        "stage": str(professional.stage),
        "page": professional.page,
        "attempt": 1 + professional.failures_in_a_row + professional.unproven_failures,
    }
    with correlated(**facts):
        _work(services, batch, professional, task, deaths)


def _work(services: Services, batch: Batch, professional: Professional, task: PageTask, deaths: int) -> None:
    is_behind = (task.step, task.wake) < (professional.step, professional.wake)
    if is_behind or professional.is_final:
        services.queue.enqueue(tuple(effects(batch, professional)))
        # Last, so that a delivery that comes again because something failed here charges for its deaths once.
        if deaths and task.step == professional.step:
            _charge(services, professional, deaths)
    elif not batch.lets_work(professional.professional_id):
        return
    elif deaths + professional.deaths >= DEATHS_MAX:
        _commit(services, batch, professional, Step(Failure("handler_died", "each time that the page was fetched")))
    elif professional.due_at > services.clock.now() + SKEW:
        _postpone(services, batch, professional)
    else:
        step = _call(services, batch, professional)
        if isinstance(step.outcome, Denied):
            _deny(services, batch, step.outcome.detail)
        else:
            _commit(services, batch, professional, step)


@dataclass(frozen=True, slots=True)
class Step:
    """What a delivery brought; without a call there is no raw row that proves it, and no time at which it was sent."""

    outcome: Outcome
    raw_id: str = ""
    sent_at: datetime | None = None


def _call(services: Services, batch: Batch, professional: Professional) -> Step:
    """Make the one call: for the own page, or for somebody else's as a proof."""
    witness = witness_of(services, batch, professional)
    if witness is None:
        asked = _request(batch, professional, professional.page, professional.cursor)
        return _fetch(services, batch, professional, asked)
    return _prove(services, batch, professional, witness)


def _prove(services: Services, batch: Batch, professional: Professional, witness: Professional) -> Step:
    """
    Ask for a witness's first page, to learn whose fault the failures are.

    The raw row stands under the step that asked; nothing is counted.
    """
    asked = replace(_request(batch, witness, 1, None), stage=professional.stage)
    step = _fetch(services, batch, professional, asked)
    match step.outcome:
        case ProfilePage() | ListingPage() | NotFound():
            return replace(step, outcome=Proven(witness.professional_id))
        case Refused(Refusal.FORBIDDEN, detail) if professional.is_forbidden:
            return replace(step, outcome=Denied(forbidden_to_all(detail)))
        case Failure() | Refused():
            return replace(step, outcome=Unproven(witness.professional_id))
        case Throttled() as throttled:
            return replace(step, outcome=replace(throttled, asked_id=witness.professional_id))
        case _:
            return step


def _request(batch: Batch, professional: Professional, page: int, cursor: str | None) -> PageRequest:
    return PageRequest(
        professional_id=professional.professional_id,
        agent_key=professional.agent_key,
        stage=professional.stage,
        page=page,
        cursor=cursor,
        parameters=batch.parameters,
    )


def _fetch(services: Services, batch: Batch, professional: Professional, asked: PageRequest) -> Step:
    """Fetch a page, at the pace that the source bears, and keep its raw row."""
    share = batch.pace.share_at(services.clock.now())
    outcome, exchange = services.listing_source(batch).fetch(asked, share)
    is_own = asked.professional_id == professional.professional_id
    proof_of = "" if is_own else asked.professional_id
    raw_id = raw_page_id(batch.batch_id, professional.professional_id, professional.step, exchange, proof_of)
    services.warehouse.insert_raw_page(
        RawPage(
            raw_id=raw_id,
            batch_id=batch.batch_id,
            professional_id=professional.professional_id,
            step=professional.step,
            stage=asked.stage,
            page=asked.page,
            outcome=type(outcome).__name__,
            detail=outcome_detail(outcome),
            agent_key=asked.agent_key,
            exchange=exchange,
            records=page_records(outcome) if is_own else (),
        )
    )
    if not isinstance(outcome, ProfilePage | ListingPage):
        # Pages are the rule, and each has its raw row; what was sent stays out of the log.
        facts = {"outcome": type(outcome).__name__, "cause": getattr(outcome, "cause", "")}
        _log.info("no page came", extra=facts | {"http_status": exchange.status, "raw_id": raw_id})
    return Step(outcome, raw_id, exchange.sent_at)


def _commit(services: Services, batch: Batch, seen: Professional, step: Step) -> None:
    """Advance the professional if it is still at the step that was worked, then enqueue what is stored."""
    now = services.clock.now()

    def commit(transaction: Transaction) -> tuple[Professional, Batch, BatchStatus]:
        professional = _read(transaction, seen)
        if professional.step != seen.step:
            # Whoever was quicker may have died before its effects, so they are derived from what is stored now.
            latest = stored_batch(transaction, batch.batch_id)
            return professional, latest, latest.status
        # The batch is read again only when it must change: every page of every professional comes through here.
        stored = batch
        answer = stored.answers.get(professional.stage)
        advanced, after = _stepped(professional, stored, step, now, answer)
        if after is not stored:
            stored = stored_batch(transaction, batch.batch_id)
            advanced, after = _stepped(professional, stored, step, now, answer)
        counter = _closed(transaction, batch, advanced, now) if advanced.is_final else None
        if counter is not None and counter.pending == 0 and after is batch:
            stored = after = stored_batch(transaction, batch.batch_id)
        if counter is not None:
            after = counter_drained(after, now) if counter.pending == 0 else after
            transaction.put_counter(batch.batch_id, counter)
        if after is not stored:
            transaction.put_batch(after)
        transaction.put_professional(advanced)
        return advanced, after, stored.status

    professional, after, before = services.store.transact(commit)
    services.queue.enqueue(tuple(effects(after, professional)))
    # What somebody else changed while this page was under way is not told again by each page.
    if after.status is not before:
        announce_status(services, after, now)


def _stepped(
    professional: Professional, batch: Batch, step: Step, now: datetime, answer: Answer | None
) -> tuple[Professional, Batch]:
    """Take the step, judged by the answer that was known before the call, and let the batch learn from it."""
    advanced = advance(professional, step.outcome, batch.parameters, now, step.raw_id, answer)
    after = learned(batch, professional, advanced, step.outcome, now, step.sent_at or now)
    if after.epoch != batch.epoch and not advanced.is_final:
        advanced = begun_anew(advanced, now, after.epoch)
    return advanced, after


def _closed(transaction: Transaction, batch: Batch, professional: Professional, now: datetime) -> Counter:
    """Count a final professional."""
    counter = transaction.counter(batch.batch_id, professional.sequence % batch.counters)
    grade = None
    if professional.state is State.DONE:
        grade = batch.parameters.rubric.grade(professional.aggregate, batch.parameters.as_of).name
    return counter.closed_one(professional, grade, now)


def _deny(services: Services, batch: Batch, detail: str) -> None:
    """Pause the batch for refused credentials; the calls that were under way are refused as well, and tell nothing."""

    def pause(transaction: Transaction) -> Batch | None:
        stored = stored_batch(transaction, batch.batch_id)
        # Not for a refusal from before a resume: it may be what was mended.
        if stored.status is not BatchStatus.RUNNING or stored.epoch != batch.epoch:
            return None
        stored = denied(stored, detail)
        transaction.put_batch(stored)
        return stored

    if (paused := services.store.transact(pause)) is not None:
        announce_status(services, paused, services.clock.now())


def _charge(services: Services, seen: Professional, deaths: int) -> None:
    """Keep the deaths of a name that a wake has retired: else a page that kills slowly would begin anew each time."""

    def charge(transaction: Transaction) -> None:
        professional = _read(transaction, seen)
        if professional.step == seen.step:
            transaction.put_professional(replace(professional, deaths=professional.deaths + deaths))

    services.store.transact(charge)


def _postpone(services: Services, batch: Batch, seen: Professional) -> None:
    """The task came before its time: its name is taken, so the step gets a new one for the right time."""

    def postpone(transaction: Transaction) -> Professional:
        professional = _read(transaction, seen)
        if (professional.step, professional.wake) == (seen.step, seen.wake):
            professional = woken(professional, professional.due_at, professional.epoch)
            transaction.put_professional(professional)
        return professional

    professional = services.store.transact(postpone)
    services.queue.enqueue(tuple(effects(batch, professional)))


def _read(transaction: Transaction, seen: Professional) -> Professional:
    professional = transaction.professional(seen.batch_id, seen.professional_id)
    if professional is None:
        raise CorruptionError(f"professional {seen.professional_id} of batch {seen.batch_id} is gone")
    return professional
