"""The pace of many instances: send times of one credential, leased from Firestore a block at a time."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from google.cloud import firestore
from google.cloud.firestore_v1.base_document import DocumentSnapshot
from google.cloud.firestore_v1.document import DocumentReference

from prograde.adapters.documents import LEDGER
from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.gcp.firestore_layout import DOCUMENT, EXPIRE_AT
from prograde.adapters.gcp.firestore_transactions import SERVICE, Transactions
from prograde.domain.leases import REACH, Lease, Ledger, lateness, lease
from prograde.domain.pace import RateLimit
from prograde.errors import InterruptedCallError, NotBeforeError
from prograde.ports import Clock

LEASE_EVERY_MIN, LEASE_EVERY_MAX = timedelta(milliseconds=500), timedelta(seconds=2)
"""So often an instance writes the ledger at most: who comes meanwhile shares the next lease."""
LEAD_MAX = timedelta(seconds=2)
KEPT = timedelta(days=40)
"""The longest window that anybody declares is a month."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class FirestoreRateGate:
    """
    RateGate for one credential, over any number of instances.

    One transaction leases a send time for each who waits, and none for those who may yet come: what nobody spends
    within its lateness is lost. While calls wait for the limits, they lose nothing by waiting for a lease.
    """

    def __init__(self, client: firestore.Client, credential: str, limits: Sequence[RateLimit], clock: Clock) -> None:
        self._document = client.collection("rate_gates").document(credential)
        self._transactions = Transactions(client, clock)
        self._limits = tuple(limits)
        self._lateness = lateness(limits)
        self._clock = clock
        self._changed = threading.Condition()
        self._times: deque[datetime] = deque()
        self._waiting = 0
        self._is_leasing = False
        self._next_lease_at = clock.now()
        self._lead = timedelta(milliseconds=50)
        self.leases = 0
        self.lost = 0
        """Times that were leased here and not spent."""

    def pass_one(self, share: float = 1.0) -> datetime:
        """Wait for a leased time; raises NotBeforeError when the limits leave none within reach."""
        give_up_at = self._clock.now() + REACH
        while True:
            at = self._take(share, give_up_at)
            while (now := self._clock.now()) < at:
                self._clock.sleep((at - now).total_seconds())
            if now <= at + self._lateness:
                return now
            with self._changed:
                self.lost += 1

    def calls_per_second(self) -> float:
        """Tell how many calls a second are made with this credential, by all instances; one read."""
        with mapped_errors(SERVICE):
            snapshot = self._document.get()
        return self._ledger_in(snapshot).calls_per_second((self._clock.now() - _EPOCH) // _MICROSECOND)

    @staticmethod
    def _ledger_in(snapshot: DocumentSnapshot[DocumentReference]) -> Ledger:
        return LEDGER.read(cast("str", snapshot.get(DOCUMENT))) if snapshot.exists else Ledger()

    def _take(self, share: float, give_up_at: datetime) -> datetime:
        """Take a time from the block at hand, which one of those who wait renews when it is used up."""
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    now = self._clock.now()
                    while self._times and self._times[0] + self._lateness < now:
                        self._times.popleft()
                        self.lost += 1
                    if self._times:
                        return self._times.popleft()
                    if now > give_up_at:
                        raise InterruptedCallError("the source's limits leave no call within reach: it was not made")
                    if self._is_leasing:
                        self._changed.wait(REACH.total_seconds())
                    else:
                        self._renew(share, now)
            finally:
                self._waiting -= 1

    def _renew(self, share: float, now: datetime) -> None:
        """Lease a time for each who waits, letting go of the guard meanwhile."""
        self._is_leasing = True
        self._changed.release()
        try:
            if now < self._next_lease_at:
                self._clock.sleep((self._next_lease_at - now).total_seconds())
            times = self._lease(share)
        finally:
            self._changed.acquire()
            self._is_leasing = False
            self._changed.notify_all()
        self._times.extend(times)

    def _lease(self, share: float) -> list[datetime]:
        """Write a block into the ledger, of at least one time; it begins after the time that this takes."""
        begun_at = self._clock.now()
        wanted = self._waiting

        def write(transaction: firestore.Transaction) -> Lease:
            snapshot = self._document.get(transaction=transaction)
            ledger = self._ledger_in(snapshot)
            first = self._clock.now() + self._lead
            leased = lease(ledger, self._limits, (first - _EPOCH) // _MICROSECOND, wanted, share)
            if leased.times:
                fields = {DOCUMENT: LEDGER.write(leased.ledger), EXPIRE_AT: first + KEPT}
                transaction.set(self._document, fields)
            return leased

        block = self._transactions.run(write)
        took = min(LEAD_MAX, self._clock.now() - begun_at)
        self._lead = (self._lead + took) / 2
        self.leases += 1
        leased = [_EPOCH + time * _MICROSECOND for time in block.times]
        # While the limits hold calls back for longer, there is no hurry to lease what comes after.
        ahead = (leased[-1] - begun_at) / 2 if leased else LEASE_EVERY_MIN
        self._next_lease_at = begun_at + min(LEASE_EVERY_MAX, max(LEASE_EVERY_MIN, ahead))
        if not leased:
            moment = _EPOCH + block.next_at * _MICROSECOND
            raise NotBeforeError("the source's limits leave no call within reach: it was not made", moment)
        return leased
