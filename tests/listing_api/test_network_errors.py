import inspect
import socket
import ssl
from http import client as http_client

import pytest
from urllib3 import exceptions
from urllib3.connection import HTTPConnection

from prograde.adapters.listing_api.http_caller import NETWORK_ERRORS, network_problem

CAUSES = {"connection", "cut_short", "timeout", "tls"}
CONNECTION = HTTPConnection("127.0.0.1", 1)


ERRORS = {
    f"{module.__name__}.{name}": found
    for module in (exceptions, http_client)
    for name, found in inspect.getmembers(module, inspect.isclass)
    if issubclass(found, Exception)
    and not issubclass(found, Warning)
    and found.__module__ in (exceptions.__name__, http_client.__name__)
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_the_http_libraries_is_caught_and_has_a_cause(name: str) -> None:
    # Most of them want arguments of their own; what they are called says everything that is used.
    found = ERRORS[name]
    error = found.__new__(found)

    # Raised while a URL or a proxy is set up, which never happens here.
    if not issubclass(found, exceptions.ProxySchemeUnsupported):
        assert isinstance(error, NETWORK_ERRORS)
    assert network_problem(error).failure.cause in CAUSES
    assert not network_problem(error).failure.is_terminal


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError("late"), "timeout"),
        (exceptions.ConnectTimeoutError(CONNECTION, "late"), "timeout"),
        (exceptions.ReadTimeoutError(None, "", "late"), "timeout"),  # type: ignore[arg-type]
        (exceptions.NewConnectionError(CONNECTION, "refused"), "connection"),
        (exceptions.NameResolutionError("nobody", CONNECTION, socket.gaierror()), "connection"),
        (exceptions.ProtocolError("broken", ConnectionResetError()), "connection"),
        (exceptions.ProtocolError("broken", http_client.IncompleteRead(b"")), "cut_short"),
        (exceptions.IncompleteRead(1, 2), "cut_short"),
        (http_client.RemoteDisconnected(""), "connection"),
        (http_client.BadStatusLine("x"), "connection"),
        (ssl.SSLCertVerificationError(), "tls"),
        (exceptions.SSLError(ssl.SSLEOFError()), "tls"),
        (BrokenPipeError(), "connection"),
    ],
    ids=repr,
)
def test_what_the_network_does_has_a_stable_cause(error: Exception, cause: str) -> None:
    assert cause == network_problem(error).failure.cause
