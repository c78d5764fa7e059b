import builtins
import inspect
import socket
import ssl

import pytest

from prograde.adapters.listing_api.http_caller import network_problem
from prograde.domain.outcome import Failure
from tests.listing_api.calls import listing_source
from tests.listing_api.source_texts import page_request

pytestmark = pytest.mark.both_ways

CAUSES = {"connection", "timeout", "tls"}
ERRORS = {
    f"{module.__name__}.{name}": found
    for module in (builtins, socket, ssl)
    for name, found in inspect.getmembers(module, inspect.isclass)
    if issubclass(found, OSError)
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_the_operating_system_has_a_cause(name: str) -> None:
    problem = network_problem(ERRORS[name](1, "what it says"))

    assert problem.failure.cause in CAUSES
    assert "what it says" not in problem.failure.detail
    assert not problem.failure.is_terminal


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError("late"), "timeout"),
        (ConnectionRefusedError(), "connection"),
        (ConnectionResetError(), "connection"),
        (BrokenPipeError(), "connection"),
        (socket.gaierror(), "connection"),
        (ssl.SSLCertVerificationError(), "tls"),
        (ssl.SSLEOFError(), "tls"),
    ],
    ids=repr,
)
def test_what_the_network_does_has_a_stable_cause(error: OSError, cause: str) -> None:
    assert cause == network_problem(error).failure.cause


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".test", "nobody.invalid"])
def test_a_host_whose_name_leads_nowhere_is_a_failure(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        # As the codec for names does, and as the resolver does, which a sealed suite must not ask.
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with listing_source(f"https://{host}") as listings:
        outcome, exchange = listings.fetch(page_request())

    assert Failure("connection", "the host's name is not known") == outcome
    assert 0 == exchange.status
