"""Which call meets which fault."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from prograde.sandbox.draws import choose
from prograde.sandbox.fault import Fault
from prograde.sandbox.fault_profiles import FAULTS_IN_A_ROW_MAX, FaultProfile

URLS_REMEMBERED = 100_000

_ROUND = FAULTS_IN_A_ROW_MAX + 1


class FaultSchedule:
    """
    Decides by the seed, the URL and how often it was called before; by no clock and by no other URL.

    The calls for a URL fall into rounds of four. A round begins with none to three faults and ends with good answers.
    The counts of the URLs called last are kept; one that was forgotten begins anew.
    """

    def __init__(self, profiles: Iterable[FaultProfile], seed: int) -> None:
        self._profiles = tuple(profiles)
        self._seed = seed
        self._calls: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def next_fault(self, url: str) -> Fault | None:
        """Count a call for a URL and say what spoils its answer, if anything does."""
        if not self._profiles:
            return None
        with self._lock:
            attempt = self._calls.pop(url, 0)
            self._calls[url] = attempt + 1
            if len(self._calls) > URLS_REMEMBERED:
                self._calls.popitem(last=False)
        return self.fault_of(url, attempt)

    def fault_of(self, url: str, attempt: int) -> Fault | None:
        """What spoils the answer to this call for a URL, counted from 0."""
        round_number, place = divmod(attempt, _ROUND)
        faults = [
            choose(profile.faults, self._seed, profile.name, "fault", url, attempt)
            for profile in self._profiles
            if place < profile.faults_in_a_row(self._seed, url, round_number)
        ]
        return choose(faults, self._seed, "profile", url, attempt) if faults else None

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls.clear()
