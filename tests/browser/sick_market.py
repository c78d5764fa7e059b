"""A practice market in which one agent's pages are refused until it is healed."""

import threading
from datetime import date, datetime
from http import HTTPStatus

from typing_extensions import override

from prograde.sandbox.answer import Answer, error_answer
from prograde.sandbox.fault import AnswerFault, Fault
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from prograde.sandbox.traffic import Traffic

AS_OF = date(2026, 6, 30)
AGENTS = 60
MARKET = seeded_market(AGENTS, 7, AS_OF)
SICK = MARKET.agents[4].key


class SickTraffic(Traffic):
    """Refuses what is asked of the sick agent's listings; its profile is well."""

    def __init__(self, calls: Traffic) -> None:
        super().__init__((), None, (), 7, calls._calls)
        self.healed = threading.Event()

    @override
    def meet(self, url: str, arrived_at: float) -> Fault | None:
        if self.healed.is_set() or SICK not in url or "Property" not in url:
            return None
        return AnswerFault("sick", _refuse)


def _refuse(_good: Answer, _now: datetime) -> Answer:
    return error_answer(HTTPStatus.BAD_REQUEST, "no <script>alert(1)</script> for you", "agent")


def sick_server() -> tuple[SandboxServer, SickTraffic]:
    """Make a server over the market, and what heals it."""
    server = SandboxServer(MARKET)
    traffic = SickTraffic(server._http.traffic)
    server._http.traffic = traffic
    return server, traffic
