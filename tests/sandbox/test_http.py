import http.client
import socket
from datetime import date

import pytest

from prograde.sandbox import SandboxServer, seeded_market

AUTHORIZATION = {"Authorization": "Bearer sandbox"}


def connect(server: SandboxServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=10)


def test_a_connection_serves_one_request_after_another(server: SandboxServer) -> None:
    connection = connect(server)
    connection.connect()
    first_socket = connection.sock
    for _ in range(5):
        connection.request("GET", "/reso/odata/Property?$top=1", headers=AUTHORIZATION)
        assert len(connection.getresponse().read()) > 100

    assert connection.sock is first_socket
    connection.close()


def test_a_body_that_nobody_asked_for_is_not_taken_for_a_request(server: SandboxServer) -> None:
    connection = connect(server)
    connection.request("POST", "/reso/odata/Property", body="GET / HTTP/1.1\r\n\r\n", headers=AUTHORIZATION)
    response = connection.getresponse()
    response.read()

    assert (405, "close") == (response.status, response.headers["Connection"])
    connection.close()


def test_closing_hangs_up_on_clients_that_keep_their_connection() -> None:
    server = SandboxServer(seeded_market(2, 1, date(2026, 11, 20)))
    server.start()
    connection = connect(server)
    connection.request("GET", "/__stats")
    connection.getresponse().read()

    server.close()

    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_malformed_request_line_has_the_standards_error_body(server: SandboxServer) -> None:
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"GARBAGE\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    assert b'{"error": {"code": "400"' in answer


def test_a_port_in_use_is_an_os_error(server: SandboxServer) -> None:
    port = int(server.base_url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        SandboxServer(seeded_market(2, 1, date(2026, 11, 20)), port=port)
