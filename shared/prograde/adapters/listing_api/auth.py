"""How a source is told who asks."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from prograde.adapters.listing_api.secret import Secret


class Auth(Protocol):
    """
    Credentials, put into each call as it leaves.

    What is stored of a call, its URL and its cursor, is taken before that.
    """

    def headers(self) -> Mapping[str, str]:
        """The headers that each call carries."""
        ...

    def params(self) -> Mapping[str, str]:
        """The query parameters that each call carries."""
        ...


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A token in the Authorization header: RESO's long-lived server token."""

    token: Secret

    def headers(self) -> Mapping[str, str]:
        """Name the bearer."""
        return {"Authorization": f"Bearer {self.token.reveal()}"}

    def params(self) -> Mapping[str, str]:
        """No parameters."""
        return {}


class Location(StrEnum):
    """Where a key travels."""

    HEADER = "header"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class ApiKeyAuth:
    """A key in a header or a query parameter of the provider's own naming."""

    name: str
    value: Secret
    location: Location

    def headers(self) -> Mapping[str, str]:
        """The key, where it travels in a header."""
        return {self.name: self.value.reveal()} if self.location is Location.HEADER else {}

    def params(self) -> Mapping[str, str]:
        """The key, where it travels in the query."""
        return {self.name: self.value.reveal()} if self.location is Location.QUERY else {}


@dataclass(frozen=True, slots=True)
class HttpBasicAuth:
    """A user and a password in the Authorization header."""

    username: Secret
    password: Secret

    @property
    def credentials(self) -> Secret:
        """Both as the header spells them: as telling as they are."""
        return Secret(b64encode(f"{self.username.reveal()}:{self.password.reveal()}".encode()).decode())

    def headers(self) -> Mapping[str, str]:
        """Name user and password."""
        return {"Authorization": f"Basic {self.credentials.reveal()}"}

    def params(self) -> Mapping[str, str]:
        """No parameters."""
        return {}


def with_params(target: str, params: Mapping[str, str]) -> str:
    """Add credentials to the path and query of a call that is about to leave."""
    if not params:
        return target
    separator = "&" if "?" in target else "?"
    return target + separator + "&".join(f"{quote(name, '')}={quote(value, '')}" for name, value in params.items())
