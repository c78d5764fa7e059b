"""Only Cloud Tasks and Cloud Scheduler, by tokens that Google signed for this very function, reach what they call."""

import base64
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from google.auth import crypt, jwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prograde.adapters.gcp.oidc_callers import (
    KEYS_KEPT,
    Keys,
    OidcCallers,
    SigningKeys,
    fetched_keys,
    name_of_invoker,
)
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.bootstrap.hosted import EXTENSION, Hosted
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import LocalMachine, local_machine
from prograde.errors import ProgradeError, UnavailableError, UnknownCallerError
from prograde.ports import Caller
from prograde.settings import Serves
from tests.contracts.set_clock import SetClock
from tests.emulators.cloud_tasks.delivery import TokenIssuer
from tests.gcp.deployment import SCHEDULER_ACCOUNT, TASKS_ACCOUNT, served_keys
from tests.gcp.worker import Worker

pytestmark = pytest.mark.gcp

URL = "https://prograde-fetch-page-1.us-central1.run.app"
ISSUER = TokenIssuer()
ACCOUNTS = MappingProxyType({Caller.TASKS: TASKS_ACCOUNT, Caller.SCHEDULER: SCHEDULER_ACCOUNT})
TASK_ROUTES = [
    ("fetch_page", "/"),
    ("fetch_page", "/sounding"),
    ("finalize", "/"),
    ("start_batch", "/tasks/seed"),
    ("start_batch", "/tasks/wake"),
]
SUPERVISE = ("start_batch", "/tasks/supervise")
Client = Callable[[str], FlaskClient]


def signed(**claims: object) -> str:
    """Sign a token as Google does, with some claims other than right."""
    return signed_by(ISSUER._signer, claims)


def signed_by(signer: Any, claims: Mapping[str, object]) -> str:
    """Sign a token with any key."""
    now = int(time.time())
    right = {
        "iss": "https://accounts.google.com",
        "aud": URL,
        "sub": "1",
        "email": TASKS_ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3_600,
    }
    kept = {name: value for name, value in {**right, **claims}.items() if value is not None}
    return str(jwt.encode(signer, kept).decode())


def unsigned(algorithm: str) -> str:
    """Make a token that claims to need no signature, or one that everybody could make of the public key."""
    _, claims, signature = signed().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT", "kid": "stand-in"}).encode())
    return f"{header.decode().rstrip('=')}.{claims}.{'' if algorithm == 'none' else signature}"


def another_key(key_id: str) -> Any:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return crypt.RSASigner.from_string(private.decode(), key_id=key_id)


@pytest.fixture(scope="module")
def certs_url() -> Iterator[str]:
    with served_keys(ISSUER) as url:
        yield url


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMachine]:
    folder: Path = tmp_path_factory.mktemp("machine")
    with local_machine(DataDirectory(folder), SourceFolder(folder), {}) as lent:
        yield lent


@pytest.fixture(scope="module")
def client(machine: LocalMachine, certs_url: str) -> Client:
    """Call a function as it is deployed: whoever calls must prove who it is."""
    callers = OidcCallers(URL, ACCOUNTS, SigningKeys(lambda: fetched_keys(certs_url), SetClock()))

    def client(function: str, serves: Serves | None = None) -> FlaskClient:
        app = function_app(function)
        app.extensions[EXTENSION] = Hosted(machine.services, callers, serves)
        return app.test_client()

    return client


def status(client: Client, route: tuple[str, str], token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    response = client(route[0]).post(route[1], data=b"{}", headers=headers)
    if response.status_code in {401, 403}:
        assert "application/problem+json" == response.mimetype
        assert ("Bearer" if response.status_code == 401 else None) == response.headers.get("WWW-Authenticate")
    return response.status_code


@pytest.mark.parametrize("route", TASK_ROUTES, ids=str)
def test_a_task_route_lets_cloud_tasks_in_and_nobody_else(client: Client, route: tuple[str, str]) -> None:
    assert 400 == status(client, route, signed()), "let in, and {} is no task"
    assert 403 == status(client, route, signed(email=SCHEDULER_ACCOUNT))
    assert 401 == status(client, route, None)


def test_supervise_lets_the_scheduler_in_and_nobody_else(client: Client) -> None:
    assert 200 == status(client, SUPERVISE, signed(email=SCHEDULER_ACCOUNT))
    assert 403 == status(client, SUPERVISE, signed())
    assert 401 == status(client, SUPERVISE, None)


@pytest.mark.parametrize(
    ("route", "token", "refused"),
    [(route, signed(email=SCHEDULER_ACCOUNT), 403) for route in TASK_ROUTES]
    + [(SUPERVISE, signed(), 403), (SUPERVISE, None, 401), (TASK_ROUTES[0], None, 401)],
    ids=[f"account-{function}{path}" for function, path in [*TASK_ROUTES, SUPERVISE]] + ["no token", "no page token"],
)
def test_a_refused_task_or_routine_is_an_error_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, route: tuple[str, str], token: str | None, refused: int
) -> None:
    status(client, route, token)

    (line,) = caplog.records
    assert (logging.ERROR, route[1], refused) == (line.levelno, vars(line)["path"], vars(line)["status"])


@pytest.mark.parametrize(
    ("expected", "claims"),
    [
        (401, {"aud": "https://prograde-finalize-1.us-central1.run.app"}),
        (401, {"aud": f"{URL}/"}),
        (401, {"aud": None}),
        (401, {"aud": [URL]}),
        (401, {"iss": "https://accounts.example.com"}),
        (401, {"iss": None}),
        (401, {"email_verified": False}),
        (401, {"email_verified": "true"}),
        (401, {"email_verified": None}),
        (401, {"iat": int(time.time()) - 7_200, "exp": int(time.time()) - 3_600}),
        (401, {"iat": int(time.time()) + 3_600, "exp": int(time.time()) + 7_200}),
        (401, {"exp": None}),
        (403, {"email": "somebody@example.com"}),
        (403, {"email": None}),
        (403, {"email": TASKS_ACCOUNT.upper()}),
        (403, {"email": [TASKS_ACCOUNT]}),
    ],
    ids=str,
)
def test_a_token_that_is_not_right_in_every_claim_lets_nobody_in(
    client: Client, expected: int, claims: dict[str, object]
) -> None:
    assert expected == status(client, ("fetch_page", "/"), signed(**claims))


@pytest.mark.parametrize("key_id", ["stand-in", "unknown", ""])
def test_a_token_that_another_key_signed_lets_nobody_in(client: Client, key_id: str) -> None:
    assert 401 == status(client, ("fetch_page", "/"), signed_by(another_key(key_id), {}))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "RS512", ""])
def test_a_token_without_a_right_signature_lets_nobody_in(client: Client, algorithm: str) -> None:
    assert 401 == status(client, ("fetch_page", "/"), unsigned(algorithm))


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a.b.c", f"Bearer {'x' * 9_000}"]
)
def test_what_is_no_token_lets_nobody_in(client: Client, authorization: str) -> None:
    response = client("fetch_page").post("/", headers={"Authorization": authorization})

    assert 401 == response.status_code


def test_headers_of_cloud_tasks_prove_nothing(client: Client) -> None:
    headers = {"X-CloudTasks-TaskName": "x", "X-CloudTasks-QueueName": "pages", "User-Agent": "Google-Cloud-Tasks"}

    assert 401 == client("fetch_page").post("/", headers=headers).status_code


def test_what_is_wrong_with_a_token_is_not_told(client: Client) -> None:
    response = client("fetch_page").post("/", headers={"Authorization": f"Bearer {signed(aud='x')}"})

    assert f"the identity token does not hold for {URL}" == response.get_json()["detail"]


def test_a_token_without_its_signature_is_refused_with_a_message_of_its_own(client: Client) -> None:
    token = f"{signed().rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"

    response = client("fetch_page").post("/", headers={"Authorization": f"Bearer {token}"})

    assert 401 == response.status_code
    assert "the platform removed the identity token's signature" in response.get_json()["detail"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60)
    | st.builds(
        lambda header, claims, signature: ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, claims, signature)
        ),
        st.sampled_from(
            [
                b'{"alg":"RS256","kid":"stand-in"}',
                b'{"alg":["RS256"],"kid":"stand-in"}',
                b'{"kid":1}',
                b"[]",
                b"1",
                b"\xff",
            ]
        ),
        st.sampled_from([b"{}", b"[]", b"null", b'{"iat":"x","exp":null}', b"\xff"]),
        st.binary(max_size=300),
    )
)
def test_no_forgery_does_more_than_to_be_refused(token: str) -> None:
    callers = OidcCallers(URL, ACCOUNTS, SigningKeys(lambda: ISSUER.certs, SetClock()))

    with pytest.raises(UnknownCallerError):
        callers.check({"HTTP_AUTHORIZATION": f"Bearer {token}"}, Caller.TASKS)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f"Bearer {signed(email='ann@example.com').rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE", "ann@example.com"),
        (f"Bearer {signed(email=None)}", ""),
        (f"Bearer {signed(email=7)}", ""),
        ("Bearer a.b.c", ""),
        ("Bearer", ""),
        ("", ""),
    ],
    ids=["removed signature", "no address", "no text", "no token", "nothing", "no header"],
)
def test_whom_the_platform_let_in_is_named_by_its_token(header: str, name: str) -> None:
    assert name == name_of_invoker({"HTTP_AUTHORIZATION": header})


# --- packages under other names


@pytest.mark.parametrize("serves", [Serves.CONSOLE, Serves.WEBHOOK])
@pytest.mark.parametrize("path", ["/tasks/seed", "/tasks/wake", "/tasks/supervise", "/tasks/scheduled-batch"])
def test_the_start_batch_package_under_another_name_takes_no_tasks(
    machine: LocalMachine, serves: Serves, path: str
) -> None:
    app = function_app("start_batch")
    app.extensions[EXTENSION] = Hosted(
        machine.services, OidcCallers(URL, ACCOUNTS, SigningKeys(lambda: ISSUER.certs, SetClock())), serves
    )

    response = app.test_client().post(path, headers={"Authorization": f"Bearer {signed()}"})

    assert 404 == response.status_code


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/batches"), ("POST", "/v1/batches"), ("GET", "/healthz"), ("POST", "/tasks/seed")]
)
def test_the_public_webhook_answers_nothing_else(machine: LocalMachine, method: str, path: str) -> None:
    app = function_app("start_batch")
    callers = OidcCallers(URL, ACCOUNTS, SigningKeys(lambda: ISSUER.certs, SetClock()))
    app.extensions[EXTENSION] = Hosted(machine.services, callers, Serves.WEBHOOK)

    response = app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {signed()}"})

    assert 404 == response.status_code


# --- the issuer's keys


class Fetches:
    """Keys, and how often they were asked for."""

    def __init__(self, *answers: Keys) -> None:
        self.answers = list(answers)
        self.count = 0

    def __call__(self) -> Keys:
        self.count += 1
        return self.answers[min(self.count, len(self.answers)) - 1]


def test_keys_are_asked_for_once_an_hour() -> None:
    fetches, clock = Fetches({"a": "A"}), SetClock()
    keys = SigningKeys(fetches, clock)

    for _ in range(100):
        assert {"a": "A"} == keys.for_key("a")
    assert 1 == fetches.count
    clock.sleep(KEYS_KEPT.total_seconds())
    keys.for_key("a")
    assert 2 == fetches.count


def test_a_new_key_is_asked_for_but_made_up_ones_not_each_time() -> None:
    fetches, clock = Fetches({"a": "A"}, {"b": "B"}), SetClock()
    keys = SigningKeys(fetches, clock)

    for number in range(100):
        keys.for_key(f"made-up-{number}")
    assert 1 == fetches.count
    clock.sleep(60)
    assert {"b": "B"} == keys.for_key("b")
    assert 2 == fetches.count


@pytest.mark.parametrize(
    ("answer", "content"), [(500, b"{}"), (200, b"no JSON"), (200, b"[]"), (200, b'{"keys": []}'), (404, b"")]
)
def test_keys_that_cannot_be_had_are_trouble_of_ours(answer: int, content: bytes) -> None:
    with Worker(lambda _: (answer, {}), content) as worker, pytest.raises(UnavailableError, match="signing keys"):
        fetched_keys(f"{worker.url}/certs")


def test_nobody_answering_for_keys_is_trouble_of_ours() -> None:
    with pytest.raises(ProgradeError, match="signing keys"):
        fetched_keys("http://127.0.0.1:9/certs")
