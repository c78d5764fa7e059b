"""Whose page is asked for instead of a page that fails, to learn whether the source answers anybody."""

from prograde.domain.batch import Batch
from prograde.domain.professional import Professional, State
from prograde.errors import CorruptionError
from prograde.ports import BatchStore
from prograde.use_cases.services import Services

_TURNS = ("last", "own", "next")
_IN_TURN = (State.DONE, State.OPEN, State.SKIPPED, State.FAILED)
"""Who may be asked for in an outage: those first who were answered in every stage."""


def witness_of(services: Services, batch: Batch, professional: Professional) -> Professional | None:
    """
    Choose whose first page is to be asked for; None for the professional's own page.

    That is who was answered last in the stage. But the source may fail that very one from some moment on, and so an
    outage's probe asks for three pages by turns: that one's, its own, and that of the next one of everybody.
    """
    answer = batch.answers.get(professional.stage)
    if not professional.needs_proof(answer, services.clock.now()):
        return None
    turn = _TURNS[professional.unproven_failures % len(_TURNS)] if batch.outage is not None else "last"
    last_id = "" if answer is None else answer.professional_id
    if turn == "last" and last_id:
        return _read(services.store, batch, last_id)
    if turn != "own" and batch.outage is not None:
        return _next(services.store, batch, batch.outage.turn_id, {last_id, professional.professional_id})
    return None


def _read(store: BatchStore, batch: Batch, professional_id: str) -> Professional:
    witness = store.professional(batch.batch_id, professional_id)
    if witness is None:
        raise CorruptionError(f"professional {professional_id} of batch {batch.batch_id} is gone")
    return witness


def _next(store: BatchStore, batch: Batch, turn_id: str, others: set[str]) -> Professional | None:
    """Find who comes after the one whose turn it was last, beside those who are asked for anyway."""
    last = store.professional(batch.batch_id, turn_id) if turn_id else None
    first = 0 if last is None or last.state not in _IN_TURN else _IN_TURN.index(last.state)
    after = turn_id
    for state in (*_IN_TURN[first:], *_IN_TURN[: first + 1]):
        for found in store.in_state(batch.batch_id, state, after, len(others) + 1):
            if found.professional_id not in others:
                return found
        after = ""
    return None
