"""A source, ready to be called: what its file says, checked, compiled and with its secrets at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from prograde.adapters.listing_api.auth import BearerAuth
from prograde.adapters.listing_api.base_url import BaseUrl
from prograde.adapters.listing_api.secret import Redactor, Secret
from prograde.adapters.listing_api.stages import ListingStage, ProfileStage
from prograde.domain.professional import Stage


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A window: at most `limit` calls in any `interval`."""

    limit: int
    interval: timedelta


@dataclass(frozen=True, slots=True)
class Client:
    """How the source is called; the read timeout is for the whole answer, `response_bytes_max` counts decoded bytes."""

    base_url: BaseUrl
    auth: BearerAuth | None
    headers: Mapping[str, Secret]
    connect_timeout_seconds: float
    read_timeout_seconds: float
    response_bytes_max: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Source:
    """A listing API as prograde knows it."""

    name: str
    client: Client
    rate_limits: tuple[RateLimit, ...]
    stages: Mapping[Stage, ProfileStage | ListingStage]
    redactor: Redactor

    @property
    def has_active(self) -> bool:
        """Whether the source can be asked for active listings."""
        return Stage.ACTIVE in self.stages
