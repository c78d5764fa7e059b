"""Many instances keep one credential's limits together, by the send times that are recorded."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest
from google.cloud import firestore

from prograde.adapters.gcp.firestore_rate_gate import FirestoreRateGate
from prograde.adapters.gcp.firestore_transactions import ATTEMPTS_MAX
from prograde.domain.leases import lateness
from prograde.domain.pace import RateLimit
from prograde.errors import InterruptedCallError, NotBeforeError, UnavailableError
from tests.contracts.set_clock import SetClock
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.pace_of_many import SECOND, Trial, fullest_window, run
from tests.gcp.real_clock import RealClock

pytestmark = pytest.mark.gcp

LIMIT = RateLimit(50, SECOND)


@pytest.mark.parametrize("trial", [Trial(1, 20, 0.0), Trial(4, 10, 0.2)], ids=["one instance", "four instances"])
def test_instances_together_never_exceed_a_window_and_use_most_of_it(
    new_client: Callable[[], firestore.Client], trial: Trial
) -> None:
    pace = run(trial, LIMIT, 4, new_client)

    sys.stdout.write(f"\n{trial}: {pace.used:.1%} used, {pace.leases_a_second:.1f} leases a second, {pace.lost} lost\n")
    assert pace.fullest <= LIMIT.limit
    # A machine that has too much else to do loses leased times; `python -m tests.gcp.pace_of_many` measures.
    assert pace.used > 0.1
    assert pace.leases_a_second < 10


def test_every_window_is_kept(new_client: Callable[[], firestore.Client]) -> None:
    limits = [RateLimit(40, SECOND), RateLimit(50, 3 * SECOND)]
    gates = [FirestoreRateGate(new_client(), "credential", limits, RealClock()) for _ in range(3)]

    with ThreadPoolExecutor(12) as callers:
        sent = sorted(callers.map(lambda number: gates[number % 3].pass_one(), range(110)))

    for limit in limits:
        assert fullest_window(sent, limit.interval) <= limit.limit
    assert sent[-1] - sent[0] < 60 * SECOND


def test_another_credential_has_a_pace_of_its_own(client: firestore.Client) -> None:
    limits, clock = [RateLimit(1, timedelta(hours=1))], SetClock()

    for credential in ("north", "south"):
        FirestoreRateGate(client, credential, limits, clock).pass_one()
    with pytest.raises(InterruptedCallError, match="within reach") as refused:
        FirestoreRateGate(client, "north", limits, clock).pass_one()
    assert isinstance(refused.value, NotBeforeError)
    assert timedelta(minutes=59) <= refused.value.moment - clock.now() < timedelta(minutes=65)


def test_a_call_that_comes_late_takes_another_time(client: firestore.Client) -> None:
    class Slow(SetClock):
        """Wakes far too late, once."""

        naps = 0

        def sleep(self, seconds: float) -> None:
            self.naps += 1
            super().sleep(seconds + (10 if self.naps == 1 else 0))

    clock = Slow()
    gate = FirestoreRateGate(client, "credential", [LIMIT], clock)

    sent = [gate.pass_one() for _ in range(3)]

    assert 1 == gate.lost
    assert sent[1] - sent[0] >= LIMIT.interval / LIMIT.limit - lateness([LIMIT])


def test_a_lone_caller_leases_no_more_than_it_needs(client: firestore.Client) -> None:
    clock = SetClock()
    gate = FirestoreRateGate(client, "credential", [LIMIT], clock)
    for _ in range(5):
        gate.pass_one()
        clock.sleep(60)

    assert (5, 0) == (gate.leases, gate.lost)


def test_trouble_of_firestore_is_ours_and_passes(client: firestore.Client, firestore_server: FirestoreServer) -> None:
    gate = FirestoreRateGate(client, "credential", [LIMIT], SetClock())
    firestore_server.faults.fail("Commit", grpc.StatusCode.ABORTED, times=ATTEMPTS_MAX)

    with pytest.raises(UnavailableError):
        gate.pass_one()

    gate.pass_one()


def test_who_waits_for_a_lease_that_fails_makes_one(
    client: firestore.Client, firestore_server: FirestoreServer
) -> None:
    gate = FirestoreRateGate(client, "credential", [LIMIT], RealClock())
    firestore_server.faults.fail("BatchGetDocuments", grpc.StatusCode.PERMISSION_DENIED)
    outcomes: list[str] = []
    together = threading.Barrier(5)

    def call() -> None:
        together.wait()
        try:
            gate.pass_one()
            outcomes.append("sent")
        except UnavailableError:
            outcomes.append("told")

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert ["sent"] * 4 + ["told"] == sorted(outcomes)


def test_any_instance_tells_how_fast_all_call(client: firestore.Client) -> None:
    limits = [RateLimit(20, SECOND)]
    gates = [FirestoreRateGate(client, "credential", limits, RealClock()) for _ in range(2)]
    assert 0.0 == gates[0].calls_per_second()
    for gate in gates:
        gate.pass_one()

    assert 0 < gates[0].calls_per_second() <= limits[0].limit
    assert 0.0 == FirestoreRateGate(client, "another", limits, RealClock()).calls_per_second()
