"""A slice of the simulation with its state in Firestore: real conflicts, ABORTED on demand, the same law."""

import logging
import os
from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from prograde.adapters.gcp.firestore_transaction import FirestoreTransaction
from tests.gcp.simulated_firestore import AuditedFirestore, firestore_kind
from tests.simulation.run import Report, simulate

pytestmark = pytest.mark.gcp

RUNS = int(os.environ.get("RUNS", "12"))
ENOUGH = 80


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let requests fail without a word: they are meant to."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditedFirestore]:
    with AuditedFirestore() as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.target)
        yield server


def run_over(server: AuditedFirestore, seed: int) -> Report:
    """Run a seed in a database of its own."""

    def new_client() -> firestore.Client:
        return firestore.Client(project=f"simulated-{seed}", credentials=AnonymousCredentials())

    with firestore_kind(server, new_client) as kind:
        return simulate(seed, store_kind=kind)


@pytest.mark.parametrize("seed", range(RUNS))
def test_the_law_holds_over_firestore(seed: int, server: AuditedFirestore) -> None:
    assert () == run_over(server, seed).violations, f"of seed {seed}"


def test_transactions_meet(server: AuditedFirestore) -> None:
    reports = (run_over(server, seed) for seed in range(ENOUGH))

    assert any(report.seen["transaction met another one and ran again"] for report in reports)


def test_a_transaction_that_reads_beside_itself_is_caught(
    server: AuditedFirestore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_self: FirestoreTransaction, at: firestore.DocumentReference) -> str | None:
        snapshot = at.get()
        return snapshot.get("document") if snapshot.exists else None

    monkeypatch.setattr(FirestoreTransaction, "_text", read)

    assert any(run_over(server, seed).violations for seed in range(ENOUGH))
