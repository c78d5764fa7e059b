"""The stand-in for Firestore is as strict as Firestore."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.field_path import FieldPath

from tests.emulators.firestore.indexes import Indexes
from tests.emulators.firestore.server import FirestoreServer

pytestmark = pytest.mark.gcp

Client = firestore.Client
NAME = FieldPath.document_id()
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def people(client: Client) -> firestore.CollectionReference:
    return client.collection("people")


def in_transaction(client: Client, callback: Callable[[Any], Any], attempts: int = 1) -> Any:
    return firestore.transactional(callback)(client.transaction(max_attempts=attempts))


def ids(query: Any) -> list[str]:
    return [snapshot.id for snapshot in query.stream()]


# --- documents


def test_a_document_reads_as_it_was_written(people: firestore.CollectionReference) -> None:
    content = {"text": "é\x00🏡", "n": 7, "x": 0.5, "at": NOON, "no": None, "raw": b"\x00\xff", "yes": True, "l": [1]}

    people.document("a b").set(content)

    assert content == people.document("a b").get().to_dict()
    assert not people.document("a").get().exists


def test_a_write_with_a_mask_changes_those_fields_only(people: firestore.CollectionReference) -> None:
    people.document("a").set({"kept": 1, "changed": 1})

    people.document("a").update({"changed": 2})

    assert {"kept": 1, "changed": 2} == people.document("a").get().to_dict()


def test_preconditions_hold(client: Client, people: firestore.CollectionReference) -> None:
    document = people.document("a")
    first = document.create({"n": 1})

    with pytest.raises(exceptions.AlreadyExists):
        document.create({"n": 2})
    with pytest.raises(exceptions.NotFound):
        people.document("b").update({"n": 2})
    document.update({"n": 2}, option=client.write_option(last_update_time=first.update_time))
    with pytest.raises(exceptions.FailedPrecondition):
        document.update({"n": 3}, option=client.write_option(last_update_time=first.update_time))
    assert {"n": 2} == document.get().to_dict()


def test_of_several_writes_all_are_done_or_none(client: Client, people: firestore.CollectionReference) -> None:
    people.document("there").set({})
    batch = client.batch()
    batch.create(people.document("new"), {})
    batch.create(people.document("there"), {})

    with pytest.raises(exceptions.AlreadyExists):
        batch.commit()

    assert not people.document("new").get().exists


def test_a_document_has_a_largest_size(people: firestore.CollectionReference) -> None:
    people.document("a").set({"f": "x" * 1_000_000})

    with pytest.raises(exceptions.InvalidArgument, match="longer than 1048487 bytes"):
        people.document("a").set({"f": "x" * 1_048_487})
    with pytest.raises(exceptions.InvalidArgument, match="maximum allowed size of 1048576 bytes"):
        people.document("a").set({"f": "x" * 600_000, "g": "x" * 600_000})


def test_a_commit_has_at_most_500_writes(client: Client, people: firestore.CollectionReference) -> None:
    for count, is_allowed in ((500, True), (501, False)):
        batch = client.batch()
        for number in range(count):
            batch.set(people.document(str(number)), {})
        if is_allowed:
            batch.commit()
        else:
            with pytest.raises(exceptions.InvalidArgument, match="500 writes"):
                batch.commit()


@pytest.mark.parametrize("reserved", [".", "..", "__a__", "x" * 1501])
def test_some_ids_are_reserved(people: firestore.CollectionReference, reserved: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        people.document(reserved).set({})


def test_transforms_are_refused_because_they_are_not_stood_in_for(people: firestore.CollectionReference) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="not stood in for"):
        people.document("a").set({"n": firestore.Increment(1)})


# --- transactions


def test_concurrent_transactional_increments_lose_nothing(
    client: Client, people: firestore.CollectionReference
) -> None:
    document = people.document("counter")
    document.set({"n": 0})

    def increment(transaction: firestore.Transaction) -> None:
        n = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": n + 1})

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda _: in_transaction(client, increment, attempts=1_000), range(40)))

    assert {"n": 40} == document.get().to_dict()


def test_a_transaction_that_was_overtaken_is_aborted_when_it_commits(
    client: Client, people: firestore.CollectionReference
) -> None:
    def overtaken(transaction: firestore.Transaction) -> None:
        people.document("a").get(transaction=transaction)
        people.document("a").set({"n": 1})
        transaction.set(people.document("b"), {})

    with pytest.raises(ValueError, match="1 attempts") as caught:
        in_transaction(client, overtaken)

    assert isinstance(caught.value.__cause__, exceptions.Aborted)
    assert not people.document("b").get().exists


def test_a_transaction_that_was_overtaken_is_aborted_when_it_reads_on(
    client: Client, people: firestore.CollectionReference
) -> None:
    def overtaken(transaction: firestore.Transaction) -> None:
        people.document("a").get(transaction=transaction)
        people.document("a").set({"n": 1})
        people.document("b").get(transaction=transaction)

    with pytest.raises(exceptions.Aborted):
        in_transaction(client, overtaken)


def test_no_two_transactions_both_act_on_what_the_other_changes(
    client: Client, people: firestore.CollectionReference
) -> None:
    """Write skew: each reads both documents and writes the other one's."""
    for name in ("a", "b"):
        people.document(name).set({"is_on_call": True})
    one, other = client.transaction(max_attempts=1), client.transaction(max_attempts=1)
    for transaction in (one, other):
        transaction._begin()
        for name in ("a", "b"):
            people.document(name).get(transaction=transaction)
    one.update(people.document("a"), {"is_on_call": False})
    other.update(people.document("b"), {"is_on_call": False})

    one._commit()

    with pytest.raises(exceptions.Aborted):
        other._commit()


def test_a_query_in_a_transaction_conflicts_with_a_document_that_joins_its_answer(
    client: Client, people: firestore.CollectionReference
) -> None:
    def overtaken(transaction: firestore.Transaction) -> None:
        query = people.where(filter=FieldFilter("n", "==", 1))
        assert [] == list(query.stream(transaction=transaction))
        people.document("a").set({"n": 1})
        transaction.set(people.document("b"), {})

    with pytest.raises(ValueError, match="1 attempts"):
        in_transaction(client, overtaken)


def test_a_transaction_reads_nothing_after_its_first_write(
    client: Client, people: firestore.CollectionReference
) -> None:
    def read_late(transaction: firestore.Transaction) -> None:
        transaction.set(people.document("a"), {})
        people.document("a").get(transaction=transaction)

    with pytest.raises(Exception, match="read after write"):
        in_transaction(client, read_late)


def test_a_transaction_expires(
    client: Client, people: firestore.CollectionReference, firestore_server: FirestoreServer
) -> None:
    transaction = client.transaction()
    transaction._begin()
    firestore_server.clock_offset = timedelta(seconds=61)
    transaction.set(people.document("a"), {})

    with pytest.raises(exceptions.InvalidArgument, match="no longer valid"):
        transaction._commit()


def test_a_transaction_commits_once(
    client: Client, people: firestore.CollectionReference, firestore_server: FirestoreServer
) -> None:
    """The client itself repeats a commit that was UNAVAILABLE."""
    firestore_server.faults.fail("Commit", grpc.StatusCode.UNAVAILABLE, when="after")

    with pytest.raises(exceptions.InvalidArgument, match="no longer valid"):
        in_transaction(client, lambda transaction: transaction.set(people.document("a"), {}))

    assert people.document("a").get().exists


@pytest.mark.parametrize(("when", "is_done"), [("before", False), ("after", True)])
def test_a_call_fails_on_demand(
    people: firestore.CollectionReference, firestore_server: FirestoreServer, when: str, *, is_done: bool
) -> None:
    firestore_server.faults.fail("Commit", grpc.StatusCode.INTERNAL, when=when)

    with pytest.raises(exceptions.InternalServerError):
        people.document("a").set({})

    assert is_done == people.document("a").get().exists


# --- queries


@pytest.fixture
def letters(people: firestore.CollectionReference) -> firestore.CollectionReference:
    for number, name in enumerate(["b", "a", "é", "Z", "🏡", "\uffed"]):
        people.document(name).set({"n": number, "is_even": number % 2 == 0})
    people.document("without").set({"n": "text"})
    people.document("a").collection("people").document("below").set({"n": 1})
    return people


def test_documents_come_in_order_of_their_names_by_code_point(letters: firestore.CollectionReference) -> None:
    assert ["Z", "a", "b", "without", "é", "\uffed", "🏡"] == ids(letters)


def test_pages_follow_each_other(letters: firestore.CollectionReference) -> None:
    def page(after: str) -> list[str]:
        return ids(letters.order_by(NAME).start_after({NAME: letters.document(after)}).limit(2))

    assert [["a", "b"], ["without", "é"], ["\uffed", "🏡"], []] == [page(after) for after in ("Z", "b", "é", "🏡")]


def test_fields_are_compared_with_values_of_their_type(letters: firestore.CollectionReference) -> None:
    assert ["b", "a"] == ids(letters.where(filter=FieldFilter("n", "<", 2)).order_by("n"))
    assert ["🏡", "\uffed"] == ids(letters.where(filter=FieldFilter("n", ">=", 4)))
    assert ["b", "é", "🏡"] == ids(letters.where(filter=FieldFilter("is_even", "==", True)))
    assert ["Z", "a", "\uffed"] == ids(letters.where(filter=FieldFilter("is_even", "==", False)))


def test_orders_may_descend_and_leave_out_who_lacks_the_field(letters: firestore.CollectionReference) -> None:
    assert ["without", "\uffed", "🏡"] == ids(letters.order_by("n", direction="DESCENDING").limit(3))
    assert 6 == len(ids(letters.order_by("is_even")))


def test_equal_places_are_ordered_by_name_and_cursors_find_them(letters: firestore.CollectionReference) -> None:
    query = letters.order_by("is_even").order_by(NAME)

    assert ["a", "\uffed", "b"] == ids(query.start_after([False, letters.document("Z")]).limit(3))
    assert ["b", "é", "🏡"] == ids(query.start_at([True]))
    assert ["Z", "a", "\uffed"] == ids(query.end_before([True]))


@pytest.mark.parametrize(
    "ask",
    [
        lambda people: people.where(filter=FieldFilter("n", "==", 1)).order_by("is_even"),
        lambda people: people.where(filter=FieldFilter("is_even", "==", True)).where(filter=FieldFilter("n", "<", 1)),
        lambda people: people.order_by("n").order_by("is_even"),
        lambda people: people.order_by(NAME, direction="DESCENDING"),
        lambda people: people.order_by("n").order_by(NAME, direction="DESCENDING"),
    ],
    ids=["order", "inequality", "two orders", "names descending", "against the order"],
)
def test_a_query_that_needs_an_index_that_is_not_there_is_refused(
    letters: firestore.CollectionReference, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="requires an index"):
        ids(ask(letters))


def test_a_declared_index_serves_its_query(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    indexes = Indexes(frozenset({("people", (("is_even", False), ("n", False)))}), frozenset({("people", "x")}))
    with FirestoreServer(indexes) as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.target)
        people = Client(project=project).collection("people")
        for number in range(5):
            people.document(str(number)).set({"n": number, "is_even": number % 2 == 0})
        even = people.where(filter=FieldFilter("is_even", "==", True))

        assert ["0", "2"] == ids(even.where(filter=FieldFilter("n", "<", 4)))
        with pytest.raises(exceptions.FailedPrecondition, match="requires an index"):
            ids(even.order_by("n", direction="DESCENDING"))
        with pytest.raises(exceptions.FailedPrecondition, match="exempt"):
            ids(people.where(filter=FieldFilter("x", "==", True)))


@pytest.mark.parametrize(
    "ask",
    [
        lambda people: people.where(filter=FieldFilter("n", "in", [1, 2])),
        lambda people: people.where(filter=FieldFilter("n", "==", None)),
        lambda people: people.where(filter=FieldFilter("n", "==", [1])),
        lambda people: people.offset(1),
        lambda people: people.where(filter=FieldFilter("n", "<", 1)).order_by("is_even"),
    ],
    ids=["in", "null", "array", "offset", "another order first"],
)
def test_what_is_not_stood_in_for_is_refused(letters: firestore.CollectionReference, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        ids(ask(letters))
