"""What a call meets on its way to the practice API: the outage, the rate limit, the faults and the latency."""

import itertools
import threading
from collections.abc import Sequence
from http import HTTPStatus

from prograde.sandbox.answer_faults import throttle
from prograde.sandbox.call_log import CallLog
from prograde.sandbox.draws import choose
from prograde.sandbox.fault import Fault
from prograde.sandbox.fault_profiles import FaultProfile, FaultSource, Outage
from prograde.sandbox.fault_schedule import FaultSchedule
from prograde.sandbox.latency import Latency
from prograde.sandbox.rate_limit import RateGate, RateLimit
from prograde.sandbox.retry_hints import RetryHint


class Traffic:
    """Deals with one call after another, and notes in the log what happened to them."""

    def __init__(
        self,
        rates: Sequence[RateLimit],
        latency: Latency | None,
        faults: Sequence[FaultSource],
        seed: int,
        calls: CallLog,
    ) -> None:
        profiles = [source for source in faults if isinstance(source, FaultProfile)]
        self._outages = [source for source in faults if isinstance(source, Outage)]
        self._hints = tuple(hint for profile in profiles for hint in profile.retry_hints) or (RetryHint.SECONDS,)
        self._schedule = FaultSchedule(profiles, seed)
        self._gate = RateGate(rates)
        self._latency = latency
        self._seed = seed
        self._calls = calls
        self._is_calm = not (rates or faults)
        self.clear()

    def meet(self, url: str, arrived_at: float) -> Fault | None:
        """What spoils the answer to a call, if anything does."""
        if self._is_calm:
            return None
        fault = self._outage_fault(arrived_at)
        if fault is None:
            wait_seconds = self._gate.admit(arrived_at)
            if wait_seconds > 0:
                self._calls.count_throttled()
                hint = choose(self._hints, self._seed, "hint", next(self._throttled))
                return throttle(HTTPStatus.TOO_MANY_REQUESTS, hint, wait_seconds)
            fault = self._schedule.next_fault(url)
        if fault is not None:
            self._calls.count_fault(fault.kind)
        return fault

    def linger(self, is_closing: threading.Event) -> None:
        """Let the latency pass, or what is left of it when the server closes."""
        if self._latency is not None:
            is_closing.wait(self._latency.seconds(self._seed, next(self._answers)))

    def clear(self) -> None:
        """Begin anew, as if nobody had called."""
        self._gate.clear()
        self._schedule.clear()
        self._first_arrival: float | None = None
        self._throttled = itertools.count()
        self._answers = itertools.count()
        self._failed = itertools.count()

    def _outage_fault(self, arrived_at: float) -> Fault | None:
        if self._first_arrival is None:
            self._first_arrival = arrived_at
        elapsed = arrived_at - self._first_arrival
        if any(outage.start_seconds <= elapsed < outage.end_seconds for outage in self._outages):
            return choose(Outage.faults, self._seed, Outage.name, next(self._failed))
        return None
