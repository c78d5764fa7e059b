"""A source, ready to be called: what its file says, checked, compiled and with its secrets at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import pbkdf2_hmac

from prograde.adapters.listing_api.auth import Auth
from prograde.adapters.listing_api.base_url import BaseUrl
from prograde.adapters.listing_api.error_handler import RateLimitedFilter
from prograde.adapters.listing_api.secret import Redactor, Secret
from prograde.adapters.listing_api.stages import ListingStage, ProfileStage
from prograde.domain.pace import RateLimit
from prograde.domain.professional import Stage

_ROUNDS = 100_000
"""Some 20 to 60 ms: who finds the digest on a disk cannot try out passwords by the million."""


@dataclass(frozen=True, slots=True)
class Client:
    """How the source is called; the read timeout is for the whole answer, `response_bytes_max` for its bytes."""

    base_url: BaseUrl
    auth: Auth | None
    headers: Mapping[str, Secret]
    rate_limited_filters: tuple[RateLimitedFilter, ...]
    connect_timeout_seconds: float
    read_timeout_seconds: float
    response_bytes_max: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Source:
    """A listing API as prograde knows it; `variables` are the environment variables that its secrets come from."""

    name: str
    client: Client
    rate_limits: tuple[RateLimit, ...]
    stages: Mapping[Stage, ProfileStage | ListingStage]
    redactor: Redactor
    variables: tuple[str, ...] = ()

    @property
    def has_active(self) -> bool:
        """Whether the source can be asked for active listings."""
        return Stage.ACTIVE in self.stages

    @property
    def credential(self) -> str:
        """
        Name what a provider counts calls by, the base URL's origin with the credentials, as a hex digest.

        No secret can be had from it. Without `auth`, the headers that hold secrets are the credentials. Slow on
        purpose: ask once.
        """
        if self.client.auth is not None:
            sent = {**self.client.auth.headers(), **self.client.auth.params()}
        else:
            headers = {name.lower(): value.reveal() for name, value in self.client.headers.items()}
            sent = {name: value for name, value in headers.items() if self.redactor.text(value) != value}
        counted = "\0".join(part for name in sorted(sent) for part in (name, sent[name]))
        return pbkdf2_hmac("sha256", counted.encode(), self.client.base_url.origin.encode(), _ROUNDS).hex()
