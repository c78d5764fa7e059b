from datetime import datetime, timedelta

from tests.contracts.specimens import NOON


class SetClock:
    """Clock that stands where it was set."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
