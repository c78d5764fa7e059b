"""One seeded market, served once to all tests that only read."""

from collections.abc import Iterator
from datetime import date

import pytest

from prograde.sandbox import Market, SandboxServer, seeded_market


@pytest.fixture(scope="session")
def market() -> Market:
    return seeded_market(agents=60, seed=7, as_of=date(2026, 11, 20))


@pytest.fixture(scope="session")
def server(market: Market) -> Iterator[SandboxServer]:
    with SandboxServer(market) as server:
        yield server


@pytest.fixture
def fresh_server(market: Market) -> Iterator[SandboxServer]:
    """Nobody else calls this one."""
    with SandboxServer(market) as server:
        yield server
