"""An attempt as an HTTP request, with the headers and the identity that Cloud Tasks gives it."""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from google.cloud.tasks_v2.types import HttpMethod

from tests.emulators.cloud_tasks.queues import Attempt
from tests.emulators.grpc_service import Message

DEADLINE = timedelta(minutes=10)
_RESERVED = ("x-google-", "x-appengine-", "x-cloudtasks-", "host", "user-agent", "content-length")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the worker said, None for nothing."""

    status: int | None
    retry_after_seconds: float = 0.0


class TokenIssuer:
    """Issues tokens of Google's shape, signed with a key of its own; `certs` verifies them."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._issued: dict[tuple[str, str, int], str] = {}
        self._signer = crypt.RSASigner.from_string(private.decode(), key_id="stand-in")
        self.certs: Mapping[str, str] = {"stand-in": public.decode()}

    def token(self, email: str, audience: str, now: datetime) -> str:
        """Issue the identity token of a service account, the same one for some minutes."""
        issued = int(now.timestamp()) // 300 * 300
        if found := self._issued.get((email, audience, issued)):
            return found
        claims = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "azp": email,
            "sub": email,
            "email": email,
            "email_verified": True,
            "iat": issued,
            "exp": issued + 3_600,
        }
        token = str(jwt.encode(self._signer, claims).decode())
        self._issued[email, audience, issued] = token
        return token


def headers_of(attempt: Attempt, issuer: Callable[[], TokenIssuer], now: datetime) -> dict[str, str]:
    """Give the headers of an attempt: the task's own, less the reserved, and Cloud Tasks'."""
    request = attempt.task.http_request
    headers = {name: value for name, value in request.headers.items() if not name.lower().startswith(_RESERVED)}
    queue, _, task_id = attempt.task.name.rpartition("/tasks/")
    headers |= {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": queue.rsplit("/", 1)[1],
        "X-CloudTasks-TaskName": task_id,
        "X-CloudTasks-TaskRetryCount": str(attempt.retry_count),
        "X-CloudTasks-TaskExecutionCount": str(attempt.execution_count),
        "X-CloudTasks-TaskETA": f"{attempt.eta.timestamp():.6f}",
    }
    if attempt.previous_response is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(attempt.previous_response)
    if request.HasField("oidc_token"):
        token = request.oidc_token
        headers["Authorization"] = f"Bearer {issuer().token(token.service_account_email, _audience(request), now)}"
    return headers


def deliver(attempt: Attempt, headers: Mapping[str, str]) -> Answer:
    """Post the task to its worker and wait for the answer, at most as long as the task allows."""
    request = attempt.task.http_request
    url = urlsplit(request.url)
    deadline = attempt.task.dispatch_deadline.ToTimedelta() or DEADLINE
    method = HttpMethod(request.http_method).name if request.http_method else "POST"
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=deadline.total_seconds())
    try:
        connection.request(method, f"{url.path or '/'}{'?' * bool(url.query)}{url.query}", request.body, dict(headers))
        response = connection.getresponse()
        response.read()
        waits = response.getheader("Retry-After", "0")
        return Answer(response.status, float(waits) if waits.isdecimal() else 0.0)
    except (OSError, http.client.HTTPException):
        return Answer(None)
    finally:
        connection.close()


def _audience(request: Message) -> str:
    return str(request.oidc_token.audience or request.url)
