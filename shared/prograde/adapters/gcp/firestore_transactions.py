"""Firestore's transactions, tried until no other interferes."""

from collections.abc import Callable
from random import SystemRandom
from typing import TypeVar

from google.api_core.exceptions import Aborted, GoogleAPIError, InvalidArgument
from google.cloud import firestore

from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.errors import UnavailableError
from prograde.ports import Clock

T = TypeVar("T")

SERVICE = "Firestore"
ATTEMPTS_MAX = 12
BACKOFF_SECONDS_BASE = 0.05
BACKOFF_SECONDS_MAX = 2.0


class Transactions:
    """Runs callbacks in transactions of one client."""

    def __init__(self, client: firestore.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._jitter = SystemRandom()

    def run(self, run: Callable[[firestore.Transaction], T]) -> T:
        """
        Try until no other transaction interferes, with jittered pauses.

        The client's own loop neither pauses nor tries again when a read is aborted.
        """
        with mapped_errors(SERVICE):
            for attempt in range(ATTEMPTS_MAX):
                if attempt:
                    bound = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_BASE * 2.0**attempt)
                    self._clock.sleep(self._jitter.uniform(0, bound))
                try:
                    return self._attempt(run)
                except Aborted:
                    continue
        raise UnavailableError(f"{SERVICE}: a transaction was overtaken {ATTEMPTS_MAX} times")

    def _attempt(self, run: Callable[[firestore.Transaction], T]) -> T:
        """Run one transaction once; raises Aborted when another interfered."""
        raised: list[BaseException] = []

        def guarded(transaction: firestore.Transaction) -> T:
            try:
                return run(transaction)
            except BaseException as error:
                raised.append(error)
                raise

        try:
            result: T = firestore.transactional(guarded)(self._client.transaction(max_attempts=1))
            return result
        except Exception as error:
            if raised:
                # Also when the rollback failed in its turn: the transaction expires by itself.
                raise raised[0] from None
            hidden = error.__cause__ or error.__context__
            if isinstance(error, ValueError) and isinstance(hidden, GoogleAPIError):
                # The client's own words for a commit that was aborted, and for a transaction that never began.
                raise hidden from None
            if isinstance(error, InvalidArgument) and "no longer valid" in str(error):
                # The client repeats a commit whose answer was lost.
                raise UnavailableError(f"{SERVICE}: a commit was not answered, and may have been done") from error
            raise
