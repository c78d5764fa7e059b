"""One call of a listing source to a server that answers as it is told."""

import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.domain.outcome import Outcome
from prograde.domain.raw_page import Exchange
from prograde.ports import PageRequest
from tests.listing_api.answering_server import Answer, AnsweringServer
from tests.listing_api.source_texts import NOW, page_request, source

PAGE = (
    b'{"value":[{"ListingKey":"L1","StandardStatus":"Closed","ClosePrice":450000,"CloseDate":"2026-10-01",'
    b'"ListAgentKey":"K1"}]}'
)
LIMIT = 100_000


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a listing source does not sleep")


class CountingGate:
    """Lets everything pass, a second apart, and counts."""

    def __init__(self) -> None:
        self.passed = 0

    def pass_one(self, share: float = 1.0) -> datetime:
        self.passed += 1
        return NOW + timedelta(seconds=self.passed)


def listing_source(origin: str, **client: object) -> HttpListingSource:
    changes = {f"client.{name}": value for name, value in client.items()}
    limits = {"client.response_bytes_max": LIMIT, "client.read_timeout_seconds": 1, "client.connect_timeout_seconds": 1}
    loaded = source({**limits, **changes, "client.base_url": f"{origin}/reso/odata"})
    return HttpListingSource(loaded, CountingGate(), FixedClock())


def fetch_one(*answers: Answer, request: PageRequest | None = None, **client: object) -> tuple[Outcome, Exchange]:
    with AnsweringServer(*answers) as server, listing_source(server.origin, **client) as listings:
        outcome, exchange = listings.fetch(request or page_request())
        assert 1 == len(server.requests)
        return outcome, exchange


def sends_and_closes(sent: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    return answer
