import time
from datetime import datetime, timedelta

from tests.contracts.specimens import NOON


class ShiftedClock:
    """
    A clock that runs as real time does, and may be set.

    `true_moment` is what a clock that nobody sets showed when this one was last read.
    """

    def __init__(self) -> None:
        self._shift = timedelta()
        self.true_moment = NOON

    def now(self) -> datetime:
        self.true_moment = NOON + timedelta(seconds=time.monotonic())
        return self.true_moment + self._shift

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def set_by(self, seconds: float) -> None:
        self._shift += timedelta(seconds=seconds)
