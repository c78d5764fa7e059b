"""The machine's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Clock over the machine's own."""

    def now(self) -> datetime:
        """Tell the time, aware and in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
