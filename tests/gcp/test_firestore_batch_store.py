"""What is Firestore's own about its batch store: conflicts, lost answers, names, indexes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from google.cloud import firestore
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.adapters.gcp.firestore_layout import KEPT, document_id
from prograde.adapters.gcp.firestore_transactions import ATTEMPTS_MAX
from prograde.domain.effects import woken
from prograde.domain.professional import State
from prograde.errors import UnavailableError
from prograde.ports import Transaction
from tests.contracts.set_clock import SetClock
from tests.contracts.specimens import AWKWARD, BATCH, COUNTERS, NOON, PROFESSIONAL, professional
from tests.emulators.firestore.documents import check_name
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.conftest import INDEXES
from tests.gcp.real_clock import RealClock

pytestmark = pytest.mark.gcp

SELECTED_BY = {
    ("batches", "created_at"),
    ("batches", "is_over"),
    ("professionals", "state"),
    ("professionals", "due_at"),
}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(client: firestore.Client, clock: SetClock) -> FirestoreBatchStore:
    store = FirestoreBatchStore(client, clock)
    store.create_batch(BATCH, COUNTERS)
    store.create_professionals([PROFESSIONAL])
    return store


def step(transaction: Transaction) -> int:
    """Take a step, whatever the professional's is."""
    stored = transaction.professional(BATCH.batch_id, "agent-1")
    assert stored is not None
    transaction.put_professional(replace(stored, step=stored.step + 1))
    return stored.step + 1


# --- conflicts


@pytest.mark.parametrize("rpc", ["BatchGetDocuments", "Commit"])
def test_an_aborted_transaction_is_tried_again_after_a_pause(
    store: FirestoreBatchStore, firestore_server: FirestoreServer, clock: SetClock, rpc: str
) -> None:
    firestore_server.faults.fail(rpc, grpc.StatusCode.ABORTED, times=3)

    assert 1 == store.transact(step)

    assert clock.moment > NOON


@pytest.mark.parametrize("rpc", ["BatchGetDocuments", "Commit"])
def test_a_transaction_that_is_always_aborted_is_given_up(
    store: FirestoreBatchStore, firestore_server: FirestoreServer, rpc: str
) -> None:
    firestore_server.faults.fail(rpc, grpc.StatusCode.ABORTED, times=ATTEMPTS_MAX)

    with pytest.raises(UnavailableError, match="overtaken"):
        store.transact(step)

    assert 1 == store.transact(step)


def test_many_instances_lose_no_update(store: FirestoreBatchStore, new_client: Callable[[], firestore.Client]) -> None:
    instances = [FirestoreBatchStore(new_client(), RealClock()) for _ in range(4)]

    with ThreadPoolExecutor(40) as threads:
        steps = list(threads.map(lambda number: instances[number % 4].transact(step), range(40)))

    assert list(range(1, 41)) == sorted(steps)


# --- lost answers


def test_a_commit_that_was_not_done_is_repeated(store: FirestoreBatchStore, firestore_server: FirestoreServer) -> None:
    firestore_server.faults.fail("Commit", grpc.StatusCode.UNAVAILABLE)

    assert 1 == store.transact(step)


def test_a_commit_that_was_not_answered_may_have_been_done_and_is_never_done_twice(
    store: FirestoreBatchStore, firestore_server: FirestoreServer
) -> None:
    firestore_server.faults.fail("Commit", grpc.StatusCode.UNAVAILABLE, when="after")

    with pytest.raises(UnavailableError, match="may have been done"):
        store.transact(step)

    stored = store.professional(BATCH.batch_id, "agent-1")
    assert stored is not None
    assert 1 == stored.step


def test_who_creates_a_batch_and_gets_no_answer_still_learns_that_it_did(
    store: FirestoreBatchStore, firestore_server: FirestoreServer
) -> None:
    mine = replace(BATCH, batch_id="mine")
    firestore_server.faults.fail("Commit", grpc.StatusCode.UNAVAILABLE, when="after")

    assert store.create_batch(mine, COUNTERS)
    assert not store.create_batch(replace(mine, source="other"), COUNTERS)


def test_professionals_whose_creation_was_not_answered_are_there_once(
    store: FirestoreBatchStore, firestore_server: FirestoreServer
) -> None:
    store.transact(step)
    firestore_server.faults.fail("Commit", grpc.StatusCode.UNAVAILABLE, when="after")

    store.create_professionals([professional(f"agent-{number}") for number in range(3)])

    assert [0, 1, 0] == [stored.step for stored in store.professionals(BATCH.batch_id)]


def test_a_rollback_that_fails_does_not_hide_why(store: FirestoreBatchStore, firestore_server: FirestoreServer) -> None:
    firestore_server.faults.fail("Rollback", grpc.StatusCode.PERMISSION_DENIED)

    with pytest.raises(ZeroDivisionError):
        store.transact(lambda _: 1 // 0)


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND])
def test_a_database_that_is_closed_to_us_may_open(
    store: FirestoreBatchStore, firestore_server: FirestoreServer, code: grpc.StatusCode
) -> None:
    for rpc in ("BatchGetDocuments", "RunQuery", "BeginTransaction"):
        firestore_server.faults.fail(rpc, code)

    for read in (
        lambda: store.batch(BATCH.batch_id),
        lambda: next(store.professionals(BATCH.batch_id)),
        lambda: store.transact(step),
    ):
        with pytest.raises(UnavailableError, match="on demand"):
            read()


# --- names and indexes


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20))
def test_the_names_of_documents_stand_in_the_order_of_the_ids(ids: list[str]) -> None:
    assert sorted(ids) == [name for _, name in sorted((document_id(name).encode(), name) for name in ids)]
    assert len(set(ids)) == len({document_id(name) for name in ids})


@pytest.mark.parametrize("awkward", ["a/b", ".", "..", "__a__", AWKWARD, "\U0001f3e1" * 255, "./" * 127])
def test_a_document_s_name_is_legal_whatever_the_id(store: FirestoreBatchStore, awkward: str) -> None:
    check_name(f"projects/p/databases/d/documents/professionals/{document_id(awkward)}")
    store.create_professionals([professional(awkward)])

    assert professional(awkward) == store.professional(BATCH.batch_id, awkward)
    assert awkward in [stored.professional_id for stored in store.professionals(BATCH.batch_id)]


def test_only_what_a_query_selects_by_is_indexed(store: FirestoreBatchStore, firestore_server: FirestoreServer) -> None:
    store.raise_watermark("north", NOON, NOON)

    (documents,) = (database.by_name.values() for database in firestore_server._databases.values())
    fields = {(stored.message.name.split("/")[-2], field) for stored in documents for field in stored.message.fields}

    assert SELECTED_BY == fields - INDEXES.exempt
    assert {("batches", "expire_at"), ("counters", "expire_at"), ("professionals", "expire_at")} <= fields


def test_what_is_not_written_for_long_may_be_deleted(store: FirestoreBatchStore, client: firestore.Client) -> None:
    path = f"batches/{BATCH.batch_id}/professionals/{document_id('agent-1')}"

    assert NOON + KEPT == client.document(path).get().get("expire_at")


# --- selecting by state


def test_professionals_of_a_state_come_by_id_after_another(store: FirestoreBatchStore) -> None:
    ids = ["a", "b", "c.d", "c/d", "é", "🏡"]
    store.create_professionals([professional(name) for name in ids])
    store.create_professionals([replace(professional("bb"), state=State.DONE)])

    def page(after: str, limit: int) -> list[str]:
        return [found.professional_id for found in store.in_state(BATCH.batch_id, State.OPEN, after, limit)]

    assert ["a", "agent-1", "b"] == page("", 3)
    assert ["c.d", "c/d", "é"] == page("b", 3)
    assert ["🏡"] == page("é", 3)
    assert ["bb"] == [found.professional_id for found in store.in_state(BATCH.batch_id, State.DONE, "", 9)]


def test_who_becomes_final_is_no_longer_overdue(store: FirestoreBatchStore) -> None:
    moment = NOON + KEPT
    assert (PROFESSIONAL,) == store.due_before(BATCH.batch_id, moment, 10)
    store.transact(lambda transaction: transaction.put_professional(replace(PROFESSIONAL, state=State.DONE)))
    assert () == store.due_before(BATCH.batch_id, moment, 10)

    store.transact(lambda transaction: transaction.put_professional(woken(PROFESSIONAL, NOON, 1)))

    assert 1 == len(store.due_before(BATCH.batch_id, moment, 10))
