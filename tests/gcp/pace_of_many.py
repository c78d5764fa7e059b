"""
How well many instances share one source's limit: python -m tests.gcp.pace_of_many prints it.

Each instance is a gate with its own client of Firestore's stand-in, and so many callers that each wait for the gate
and then for an answer.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from prograde.adapters.gcp.firestore_rate_gate import FirestoreRateGate
from prograde.domain.pace import RateLimit
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.conftest import INDEXES
from tests.gcp.real_clock import RealClock

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """So many instances, callers each, and seconds that an answer takes."""

    instances: int
    callers: int
    answer_seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a trial showed: the share of the limit that was used, the fullest window, what the ledger cost."""

    used: float
    fullest: int
    leases_a_second: float
    lost: int
    calls: int


def run(trial: Trial, limit: RateLimit, seconds: float, new_client: Callable[[], firestore.Client]) -> Pace:
    """Let the instances call for so long."""
    with ExitStack() as stack:
        clients = [new_client() for _ in range(trial.instances)]
        for client in clients:
            stack.callback(client.close)
        gates = [FirestoreRateGate(client, "credential", [limit], RealClock()) for client in clients]
        sent: list[datetime] = []
        guard = threading.Lock()
        ends_at = time.monotonic() + seconds

        def call(gate: FirestoreRateGate) -> None:
            while time.monotonic() < ends_at:
                sent_at = gate.pass_one()
                with guard:
                    sent.append(sent_at)
                time.sleep(trial.answer_seconds)

        with ThreadPoolExecutor(trial.instances * trial.callers) as callers:
            for done in [callers.submit(call, gate) for gate in gates for _ in range(trial.callers)]:
                done.result()
    sent.sort()
    # What the first leases took is not the pace's doing.
    lasted = (sent[-1] - sent[0]).total_seconds()
    return Pace(
        used=(len(sent) - 1) / lasted * limit.interval.total_seconds() / limit.limit,
        fullest=fullest_window(sent, limit.interval),
        leases_a_second=sum(gate.leases for gate in gates) / lasted,
        lost=sum(gate.lost for gate in gates),
        calls=len(sent),
    )


def fullest_window(sent: Sequence[datetime], interval: timedelta) -> int:
    """Count the calls in the fullest window of a length."""
    first = most = 0
    for index, moment in enumerate(sent):
        while sent[first] <= moment - interval:
            first += 1
        most = max(most, index - first + 1)
    return most


def main() -> None:
    """Print the table of docs/deploy.md."""
    limit = RateLimit(20, SECOND)
    write = sys.stdout.write
    write("| Instances | Callers each | Answer | Used | Fullest second | Leases a second | Lost |\n")
    write("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for trial in (Trial(1, 20, 0.5), Trial(3, 20, 0.5), Trial(3, 20, 2.0), Trial(8, 10, 0.5)):
        with FirestoreServer(INDEXES) as server:
            os.environ["FIRESTORE_EMULATOR_HOST"] = server.target
            pace = run(trial, limit, 30, lambda: firestore.Client(project="p", credentials=AnonymousCredentials()))
        write(
            f"| {trial.instances} | {trial.callers} | {trial.answer_seconds} s | {pace.used:.1%} | {pace.fullest} "
            f"| {pace.leases_a_second:.1f} | {pace.lost / pace.calls:.1%} |\n"
        )


if __name__ == "__main__":
    main()
