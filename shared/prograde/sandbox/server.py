"""The practice API as a test or a command starts it."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from prograde.sandbox.api import PLAIN_ROOT, RESO_ROOT, PracticeApi
from prograde.sandbox.call_log import CallLog, CallStats
from prograde.sandbox.fault_profiles import FaultSource
from prograde.sandbox.http_server import LOGGED_PATHS, LOOPBACK, HttpServer
from prograde.sandbox.latency import Latency
from prograde.sandbox.market import Market
from prograde.sandbox.rate_limit import RateLimit
from prograde.sandbox.traffic import Traffic

DEFAULT_TOKEN = "sandbox"  # noqa: S105 - it opens nothing but invented data
DEFAULT_PAGE_SIZE = 50
DEFAULT_SEED = 7


class SandboxServer:
    """
    A running practice API; use it as a context manager, or call `start` and `close`.

    It listens from construction on, at the port given or at any free one, and raises OSError if it cannot. As it is,
    it answers at once and without fail; `seed` decides about latency and faults, `fault_sources` names them.
    """

    def __init__(
        self,
        market: Market,
        token: str = DEFAULT_TOKEN,
        port: int = 0,
        page_size: int = DEFAULT_PAGE_SIZE,
        *,
        rates: Sequence[RateLimit] = (),
        latency: Latency | None = None,
        faults: Sequence[FaultSource] = (),
        seed: int = DEFAULT_SEED,
    ) -> None:
        self._calls = CallLog(LOGGED_PATHS, datetime.now(UTC), time.monotonic())
        traffic = Traffic(rates, latency, faults, seed, self._calls)
        self._http = HttpServer(PracticeApi(market, token, page_size), self._calls, traffic, port)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self.base_url = f"http://{LOOPBACK}:{self._http.server_port}"
        """Scheme, host and port; the two dialects are below it."""

    @property
    def reso_url(self) -> str:
        """The root of the RESO Web API."""
        return f"{self.base_url}{RESO_ROOT}"

    @property
    def plain_url(self) -> str:
        """The root of the dialect with numbered pages."""
        return f"{self.base_url}{PLAIN_ROOT}"

    def start(self) -> None:
        """Serve, in threads of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving and hang up on every client."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def stats(self) -> CallStats:
        """What `/__stats` answers."""
        return self._calls.stats()

    def reset(self) -> None:
        """Forget every call, as `/__reset` does: limits, faults and outages begin anew."""
        self._http.reset()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
