"""The exact pace of one machine: no sliding window of a source's limits ever holds more calls than it may."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from prograde.adapters.local.rate_ledger import RateLedger
from prograde.adapters.local.sqlite_batch_store import microseconds, moment_of
from prograde.adapters.waiting import Turns, Waker, waker
from prograde.domain.pace import RateLimit, free_at, used_up
from prograde.errors import InterruptedCallError
from prograde.ports import Clock

LATELY = timedelta(seconds=10)
"""So long ago is what the pace is told by."""
TOLD_MAX = 100_000
"""As many calls as nobody makes in that time: what a limit that never bites allows need not be remembered."""
WAIT_SECONDS_MAX = 3.0
"""Who would wait for longer goes away: a worker that sleeps for an hour cannot do what needs no call, as a cancel."""


IN_USE = timedelta(minutes=1)
"""So long after a source last asked its limits still hold for whoever shares its credential."""


class Windows:
    """
    The limits that hold for a credential now: those of every source that asked lately.

    A provider counts the calls of a credential together, so source files that differ in what they declare all hold.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[RateLimit, ...], datetime] = {}

    def holding(self, limits: tuple[RateLimit, ...], now: datetime) -> tuple[RateLimit, ...]:
        """Note that a source with these limits asks, and tell all that hold."""
        self._asked[limits] = now
        if len(self._asked) == 1:
            return limits
        lately = [each for each, at in list(self._asked.items()) if abs(now - at) < IN_USE]
        return tuple(dict.fromkeys(limit for each in lately for limit in each))


@dataclass(frozen=True, slots=True)
class Wait:
    """When the next call may leave, and the limit that is used up until then; None where calls are only spaced."""

    until: datetime
    limit: RateLimit | None


def remembered(limits: Sequence[RateLimit]) -> int:
    """Tell how many calls a ledger has to remember: every window's, and those by which the pace is told."""
    quickest = max(LATELY / limit.interval * limit.limit for limit in limits)
    return max(*(limit.limit for limit in limits), min(ceil(quickest), TOLD_MAX))


class Pacer:
    """
    RateGate for one source: any number of windows at once.

    They are shared with other processes through the ledger, with other sources of the credential through `windows`.
    What is compared are the very times that are recorded. A token is spent only by a call that leaves, so nothing is
    lost to tasks that need none; who waits sleeps until its moment.
    """

    def __init__(
        self, limits: Sequence[RateLimit], ledger: RateLedger, clock: Clock, windows: Windows | None = None
    ) -> None:
        self._limits = tuple(limits)
        self._windows = windows or Windows()
        self._ledger = ledger
        self._clock = clock
        self._turns = Turns()
        self._is_closed = False
        self._waker: Waker | None = None
        self.calls = 0
        self.wait: Wait | None = None
        """What holds up the next call; None while nothing does."""

    def pass_one(self, share: float = 1.0) -> datetime:
        """Wait for the turn, then until every window allows one more; a few seconds at most."""
        if not self._turns.acquire(WAIT_SECONDS_MAX):
            # The line is long and moves: who comes back soon finds its end.
            raise InterruptedCallError("the source's limits leave no call soon: it was not made", 0.0)
        try:
            while not self._is_closed:
                sent_at, self.wait = self._reserve(share)
                if self.wait is None:
                    self.calls += 1
                    return sent_at
                wait_seconds = (self.wait.until - sent_at).total_seconds()
                if wait_seconds > WAIT_SECONDS_MAX:
                    raise InterruptedCallError("the source's limits leave no call soon: it was not made", wait_seconds)
                self._wait(wait_seconds)
        finally:
            self._turns.release()
        raise InterruptedCallError("shutting down: the call was not made")

    def _wait(self, seconds: float) -> None:
        self._waker = waker()
        # Asked once more, for who closes it wakes only whom it sees.
        if not self._is_closed:
            self._waker.wait(seconds)

    def _reserve(self, share: float) -> tuple[datetime, Wait | None]:
        """Tell the time, and record a call at it if the windows allow one; otherwise tell when they will."""
        with self._ledger.locked():
            # Read under the lock: another process may have recorded a later call while this one waited for it.
            now = self._clock.now()
            instant = microseconds(now)
            last = self._ledger.latest(1)
            if last is not None and instant < last:
                self._ledger.move(last - instant)
            limits = self._windows.holding(self._limits, now)
            moment = free_at(limits, instant, self._ledger.latest, share)
            if moment > instant:
                return now, Wait(moment_of(moment), used_up(limits, instant, self._ledger.latest))
            self._ledger.add(instant)
            return now, None

    def calls_per_second(self) -> float:
        """Tell how many calls a second left lately, whoever made them with this credential."""
        with self._ledger.locked():
            since = microseconds(self._clock.now() - LATELY)
            backs = range(1, self._ledger.capacity + 1)
            count = bisect_left(backs, True, key=lambda back: (self._ledger.latest(back) or 0) <= since)  # noqa: FBT003  # what is looked for
        return count / LATELY.total_seconds()

    def close(self) -> None:
        """Let nobody pass any more: who waits, and who comes, is told so."""
        self._is_closed = True
        if self._waker is not None:
            self._waker.set()
