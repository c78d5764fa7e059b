"""
People, by the assertion of Identity-Aware Proxy, which stands in front of the console.

The proxy lets in whom the operators name. This asks again, should it ever be switched off by mistake: then a request
comes without an assertion, and whoever makes one up has not signed it.
"""

from collections.abc import Mapping
from typing import Any

from prograde.adapters.gcp.oidc_callers import TOKEN_LENGTH_MAX, SigningKeys, verified_claims
from prograde.errors import UnknownCallerError

ISSUER = "https://cloud.google.com/iap"
HEADER = "HTTP_X_GOOG_IAP_JWT_ASSERTION"


class IapPeople:
    """People whom Identity-Aware Proxy vouches for, to this very service."""

    def __init__(self, audience: str, keys: SigningKeys) -> None:
        self._audience = audience
        self._keys = keys

    def __call__(self, environ: Mapping[str, Any]) -> str:
        """Name who sends a request; raises UnknownCallerError."""
        assertion = str(environ.get(HEADER, ""))
        if not assertion or len(assertion) > TOKEN_LENGTH_MAX:
            raise UnknownCallerError("this is reached through Identity-Aware Proxy only")
        claims = verified_claims(assertion, self._audience, self._keys)
        if claims.get("iss") != ISSUER:
            raise UnknownCallerError("the assertion is not one of Identity-Aware Proxy's")
        return str(claims.get("email", ""))
