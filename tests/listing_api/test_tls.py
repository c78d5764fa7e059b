"""Calls over TLS, to a server whose certificate was made for this test."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from prograde.domain.outcome import Failure, ListingPage
from tests.listing_api.answering_server import http_answer
from tests.listing_api.calls import PAGE, listing_source
from tests.listing_api.source_texts import page_request

pytestmark = pytest.mark.both_ways


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for 127.0.0.1 and, in the same file, who vouches for it."""
    authority = trustme.CA()
    file = tmp_path / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.cert_pem.write_to_path(str(file), append=True)
    return file


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """Serve one connection over TLS, a page for each request on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                while secured.recv(65_536):
                    secured.sendall(http_answer(PAGE))
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def test_pages_come_over_one_connection_that_is_trusted(
    certificate: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listing_source(f"https://127.0.0.1:{port}") as listings:
        outcomes = [listings.fetch(page_request())[0] for _ in range(3)]

    assert [ListingPage] * 3 == [type(outcome) for outcome in outcomes], outcomes


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(port: int) -> None:
    with listing_source(f"https://127.0.0.1:{port}") as listings:
        outcome, _ = listings.fetch(page_request())

    assert isinstance(outcome, Failure)
    assert "tls" == outcome.cause


def test_a_certificate_for_another_host_is_not_trusted(
    certificate: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listing_source(f"https://localhost:{port}") as listings:
        outcome, _ = listings.fetch(page_request())

    assert isinstance(outcome, Failure)
    assert "tls" == outcome.cause
