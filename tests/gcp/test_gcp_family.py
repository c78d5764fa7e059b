"""The cloud family keeps every port's promises."""

import pytest
from google.cloud import firestore
from typing_extensions import override

from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from tests.contracts.batch_store import BatchStoreContract
from tests.gcp.real_clock import RealClock

pytestmark = pytest.mark.gcp


class TestFirestoreBatchStore(BatchStoreContract):
    @pytest.fixture
    @override
    def store(self, client: firestore.Client) -> FirestoreBatchStore:
        return FirestoreBatchStore(client, RealClock())
