"""How many documents a page of a batch reads: what it costs to keep one open, on Firestore."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import flask
import pytest

from prograde.entrypoints.web.batch_view import PREVIOUS_LOOKED_AT
from prograde.entrypoints.web.pages_batches import batch_page, batches_page
from prograde.entrypoints.web.route import Call
from prograde.ports import BatchStore
from tests.web.service import EVERYBODY, Service


class CountingStore:
    """Counts the documents that a store reads; what no page may ask for, it does not know."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self.documents = 0

    def batch(self, batch_id: str) -> object:
        self.documents += 1
        return self._store.batch(batch_id)

    def counters(self, batch_id: str) -> object:
        found = self._store.counters(batch_id)
        self.documents += len(found)
        return found

    def newest(self, after: object, limit: int) -> object:
        found = self._store.newest(after, limit)  # type: ignore[arg-type]  # handed on
        self.documents += len(found)
        return found


def documents_read(service: Service, handler: Callable[..., flask.Response], *ids: str) -> int:
    counting = CountingStore(service.machine.services.store)
    services = replace(service.machine.services, store=cast("BatchStore", counting))
    with flask.Flask("test").test_request_context("/"):
        assert 200 == handler(Call(services, flask.request, ""), *ids).status_code
    return counting.documents


@pytest.fixture(scope="module")
def batches(service: Service) -> list[str]:
    return [service.finished(service.ordered(EVERYBODY[:2])) for _ in range(PREVIOUS_LOOKED_AT + 2)]


def test_a_batch_s_page_reads_at_most_27_documents_however_many_batches_and_professionals_there_are(
    service: Service, batches: list[str]
) -> None:
    assert 1 + 16 + PREVIOUS_LOOKED_AT == documents_read(service, batch_page, batches[-1]) == 27


def test_the_history_reads_a_document_a_line_and_one_that_tells_if_more_follow(
    service: Service, batches: list[str]
) -> None:
    assert len(batches) == documents_read(service, batches_page)
