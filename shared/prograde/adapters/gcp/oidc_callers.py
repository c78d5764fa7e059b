"""
Who calls, by the identity token that Cloud Tasks and Cloud Scheduler send along.

The platform lets nobody else in (roles/run.invoker on the service). This asks again, should that ever be opened by
mistake, and trusts nothing that a header says without a signature.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import requests
from google.auth import jwt

from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.errors import ForbiddenCallerError, UnavailableError, UnknownCallerError
from prograde.ports import Caller, Clock

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
TOKEN_LENGTH_MAX = 8_192
EMAIL_LENGTH_MAX = 254
SKEW_SECONDS = 10
KEYS_KEPT = timedelta(hours=1)
KEYS_ASKED_EVERY = timedelta(minutes=1)
"""Keys change every few days: whoever sends tokens with made-up keys makes us ask for them no more often."""
FETCH_SECONDS_MAX = 10.0
_REMOVED = ".SIGNATURE_REMOVED_BY_GOOGLE"

Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Keys
    at: datetime


class SigningKeys:
    """The issuer's public keys by their ids, asked for when an unknown one turns up, and every hour."""

    def __init__(self, fetch: Callable[[], Keys], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._guard = threading.Lock()
        self._known: _Known | None = None

    def for_key(self, key_id: str) -> Keys:
        """Give the keys; the one that is looked for may not be among them."""
        with self._guard:
            now = self._clock.now()
            age = KEYS_KEPT if self._known is None else now - self._known.at
            is_unknown = self._known is None or key_id not in self._known.keys
            if self._known is None or age >= KEYS_KEPT or (is_unknown and age >= KEYS_ASKED_EVERY):
                self._known = _Known(self._fetch(), now)
            return self._known.keys


def fetched_keys(certs_url: str) -> Keys:
    """Ask the issuer for its keys; raises UnavailableError."""
    with mapped_errors("Google's signing keys"):
        response = requests.get(certs_url, timeout=FETCH_SECONDS_MAX)
    if response.status_code != requests.codes.ok:
        raise UnavailableError(f"Google's signing keys: {certs_url} answers {response.status_code}")
    try:
        keys = json.loads(response.content)
    except ValueError as error:
        raise UnavailableError(f"Google's signing keys: {certs_url} is not answered with JSON") from error
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise UnavailableError(f"Google's signing keys: {certs_url} is not answered with keys by their ids")
    return keys


def verified_claims(token: str, audience: str, keys: SigningKeys) -> Mapping[str, object]:
    """Verify a token's signature, time and audience; what is wrong with it is only said in general."""
    try:
        key_id = jwt.decode_header(token).get("kid")
        if not isinstance(key_id, str):
            raise UnknownCallerError("the identity token names no key")
        claims = jwt.decode(token, certs=keys.for_key(key_id), audience=audience, clock_skew_in_seconds=SKEW_SECONDS)
        return cast("Mapping[str, object]", claims)
    # Whatever Google's library stumbles over in a forged token, it is forged.
    except (ValueError, TypeError, AttributeError) as error:
        raise UnknownCallerError(f"the identity token does not hold for {audience}") from error


class OidcCallers:
    """
    Callers by the e-mail address in a token that Google signed for this function, and for no other audience.

    `people` names one of the people, whom the platform has let in; the console asks for a proof of that too.
    """

    def __init__(
        self,
        audience: str,
        accounts: Mapping[Caller, str],
        keys: SigningKeys,
        people: Callable[[Mapping[str, Any]], str] = lambda _: "",
    ) -> None:
        self._audience = audience
        self._accounts = accounts
        self._keys = keys
        self._people = people

    def check(self, environ: Mapping[str, Any], caller: Caller) -> str:
        """Let pass what comes with the caller's token."""
        match caller:
            case Caller.PEOPLE:
                return self._people(environ)
            case Caller.WEBHOOK:
                return ""
            case Caller.TASKS | Caller.SCHEDULER:
                return self._account(environ, caller)

    def _account(self, environ: Mapping[str, Any], caller: Caller) -> str:
        token = _token(environ)
        if token.endswith(_REMOVED):
            # Expected of people's tokens only: should tasks ever come so, the log says what to look for.
            raise UnknownCallerError("the platform removed the identity token's signature: nobody can verify it here")
        claims = verified_claims(token, self._audience, self._keys)
        if claims.get("iss") not in ISSUERS or claims.get("email_verified") is not True:
            raise UnknownCallerError("the identity token is not one of Google's for a verified address")
        if claims.get("email") != self._accounts[caller]:
            raise ForbiddenCallerError(f"only {self._accounts[caller]} may call this")
        return self._accounts[caller]


def name_of_invoker(environ: Mapping[str, Any]) -> str:
    """
    Name whom the platform let in, "" if that cannot be told.

    Of a person's own token Cloud Run removes the signature, having verified it, before it passes the token on: this
    names, and decides nothing.
    """
    try:
        claims = cast("Mapping[str, object]", jwt.decode(_token(environ), verify=False))
    except (UnknownCallerError, ValueError, TypeError, AttributeError):
        return ""
    email = claims.get("email")
    return email[:EMAIL_LENGTH_MAX] if isinstance(email, str) and email.isprintable() else ""


def _token(environ: Mapping[str, Any]) -> str:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX:
        raise UnknownCallerError("send an identity token: Authorization: Bearer TOKEN")
    return token
