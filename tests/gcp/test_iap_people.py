"""The console lets in whom Identity-Aware Proxy vouches for, by assertions signed for this very service."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from google.auth import jwt
from google.auth.crypt.es import EsSigner
from google.auth.crypt.es256 import ES256Signer

from prograde.adapters.gcp.iap_people import ISSUER, IapPeople
from prograde.adapters.gcp.oidc_callers import OidcCallers, SigningKeys
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.hosted import EXTENSION, Hosted
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.ports import Caller
from prograde.settings import Serves
from tests.contracts.set_clock import SetClock
from tests.emulators.cloud_tasks.delivery import TokenIssuer
from tests.gcp.deployment import SCHEDULER_ACCOUNT, TASKS_ACCOUNT

pytestmark = pytest.mark.gcp

AUDIENCE = "/projects/1/locations/us-central1/services/prograde-console"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
GOOGLE = TokenIssuer()


def signer(key: Any, key_id: str = "iap-1") -> EsSigner:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return ES256Signer.from_string(private.decode(), key_id=key_id)


def assertion(key: Any = KEY, **changed: object) -> str:
    """Sign an assertion as the proxy does, with some claims other than right."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "email": "ann@example.com",
        "sub": "accounts.google.com:1",
        "iat": now,
        "exp": now + 600,
        **changed,
    }
    return str(jwt.encode(signer(key), claims).decode())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMachine]:
    folder: Path = tmp_path_factory.mktemp("machine")
    with local_machine(DataDirectory(folder), SourceFolder(folder), {}) as lent:
        yield lent


@pytest.fixture
def console(machine: LocalMachine) -> FlaskClient:
    accounts = {Caller.TASKS: TASKS_ACCOUNT, Caller.SCHEDULER: SCHEDULER_ACCOUNT}
    people = IapPeople(AUDIENCE, SigningKeys(lambda: {"iap-1": PUBLIC.decode()}, SetClock()))
    callers = OidcCallers("https://console", accounts, SigningKeys(lambda: GOOGLE.certs, SetClock()), people)
    app = function_app("start_batch")
    app.extensions[EXTENSION] = Hosted(machine.services, callers, Serves.CONSOLE)
    return app.test_client()


def status(console: FlaskClient, token: str | None, path: str = "/v1/batches") -> int:
    headers = {} if token is None else {"X-Goog-IAP-JWT-Assertion": token}
    return console.get(path, headers=headers).status_code


def test_whom_the_proxy_vouches_for_is_let_in(console: FlaskClient) -> None:
    assert 200 == status(console, assertion())


def test_without_the_proxy_nobody_is(console: FlaskClient) -> None:
    assert 401 == status(console, None)
    assert 401 == console.get("/v1/batches", headers={"Authorization": "Bearer anything"}).status_code
    assert 401 == status(console, None, "/healthz")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "/projects/1/locations/us-central1/services/another"},
        {"iss": "https://accounts.google.com"},
        {"exp": 1},
        {"iat": 99_999_999_999},
    ],
    ids=str,
)
def test_an_assertion_for_another_service_issuer_or_time_is_none(
    console: FlaskClient, changed: dict[str, object]
) -> None:
    assert 401 == status(console, assertion(**changed))


def test_an_assertion_that_somebody_else_signed_is_none(console: FlaskClient) -> None:
    assert 401 == status(console, assertion(ec.generate_private_key(ec.SECP256R1())))
    identity_token = GOOGLE.token("ann@example.com", AUDIENCE, SetClock().now())
    for forged in (identity_token, assertion()[:-4], "a.b.c", "x" * 9_000, ""):
        assert 401 == status(console, forged)


def test_the_console_takes_no_tasks_whoever_vouches(console: FlaskClient) -> None:
    for path in ("/tasks/seed", "/tasks/wake", "/tasks/supervise", "/tasks/scheduled-batch", "/v1/webhooks/batches"):
        response = console.post(path, headers={"X-Goog-IAP-JWT-Assertion": assertion()})
        assert 404 == response.status_code


def test_the_one_who_orders_is_the_one_whom_the_proxy_names() -> None:
    people = IapPeople(AUDIENCE, SigningKeys(lambda: {"iap-1": PUBLIC.decode()}, SetClock()))
    assert "ann@example.com" == people({"HTTP_X_GOOG_IAP_JWT_ASSERTION": assertion()})
