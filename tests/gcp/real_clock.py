import time
from datetime import UTC, datetime


class RealClock:
    """Clock of this machine: what conflicts needs time to pass."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
