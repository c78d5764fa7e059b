"""The cloud family's services: strict stand-ins, each test with a project of its own."""

import os
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import count
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tests.emulators.firestore.indexes import Indexes
from tests.emulators.firestore.server import FirestoreServer

INDEXES = Indexes.from_file(Path(str(files("prograde.adapters.gcp") / "firestore_indexes.json")))
_numbers = count(1)


@pytest.fixture
def project() -> str:
    """Name a project that no other test has: what one leaves behind, another does not find."""
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def firestore_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreServer]:
    """Serve a strict Firestore that fails on demand."""
    with FirestoreServer(INDEXES) as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.target)
        yield server


@pytest.fixture
def new_client(firestore_server: FirestoreServer, project: str) -> Callable[[], firestore.Client]:
    """Give a way to make clients of the test's own Firestore, each with its own channel."""
    return lambda: firestore.Client(project=project, credentials=AnonymousCredentials())


@pytest.fixture
def client(new_client: Callable[[], firestore.Client]) -> Iterator[firestore.Client]:
    """Connect to the test's own Firestore."""
    client = new_client()
    yield client
    client.close()
