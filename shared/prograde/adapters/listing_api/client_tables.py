"""How a source is called, as pydantic reads it from a source file."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from prograde.adapters.listing_api.source_table import Table
from prograde.adapters.listing_api.source_values import (
    BaseUrlText,
    Duration,
    Headers,
    Name,
    SecretReference,
    parse_duration,
    refuse_header_name,
)
from prograde.domain.pace import LIMIT_MAX

_SECRET = "`${env:NAME}`, an environment variable. The secret itself never stands here."  # noqa: S105  # none


class Bearer(Table):
    """A token in the Authorization header."""

    type: Literal["bearer"] = Field(description="The token travels as `Authorization: Bearer TOKEN`.")
    token: SecretReference = Field(description=f"Where the token is: {_SECRET}")


class ApiKey(Table):
    """A key in a header or in the query."""

    type: Literal["api_key"] = Field(description="The key travels under a name of the provider's own.")
    location: Literal["header", "query"] = Field(description="Where the key travels.")
    name: Name = Field(description="The header's or the parameter's name, as X-Api-Key or access_token.")
    value: SecretReference = Field(description=f"Where the key is: {_SECRET}")

    @field_validator("name")
    @classmethod
    def _sendable(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("location") == "header":
            refuse_header_name(name)
        return name


class HttpBasic(Table):
    """A user and a password."""

    type: Literal["http_basic"] = Field(description="Both travel as `Authorization: Basic ...`.")
    username: SecretReference = Field(description=f"Where the user's name is: {_SECRET}")
    password: SecretReference = Field(description=f"Where the password is: {_SECRET}")


AnyAuth = Annotated[Bearer | ApiKey | HttpBasic, Field(discriminator="type")]

SECRET_KEYS = frozenset({"token", "value", "username", "password"})
"""The keys of client.auth that name a secret."""


class ResponseFilter(Table):
    """An answer that means something else than its status says."""

    http_codes: list[Annotated[int, Field(ge=200, le=599)]] = Field(
        min_length=1, max_length=20, description="The statuses that are meant, 200 to 599."
    )
    error_message_contains: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        validate_default=True,
        description="Only answers whose message holds this; upper and lower case are alike.",
    )
    action: Literal["rate_limited"] = Field(description="What it means: calls come too quickly. Waited for.")

    @field_validator("error_message_contains")
    @classmethod
    def _not_every_page(cls, words: str | None, info: ValidationInfo) -> str | None:
        if words is None and any(code < 300 for code in info.data.get("http_codes", ())):  # noqa: PLR2004  # 2xx
            raise ValueError("is needed with a 2xx status: otherwise no page would ever come")
        return words


class ErrorHandlerTable(Table):
    """What the API's errors mean where their status does not say so."""

    response_filters: list[ResponseFilter] = Field(
        default=[], max_length=20, description="The first that matches decides."
    )


class ClientTable(Table):
    """How the API is called."""

    base_url: BaseUrlText = Field(
        description="What every path is below. https, or http to this machine. Next links must stay at its host."
    )
    auth: AnyAuth | None = Field(default=None, description="Credentials; without it none are sent.")
    headers: Headers = Field(default={}, description="Headers of each call; `${env:NAME}` in a value is a secret.")
    error_handler: ErrorHandlerTable = Field(
        default=ErrorHandlerTable(), description="What the API's errors mean where their status does not say so."
    )
    connect_timeout_seconds: float = Field(
        default=5, ge=0.1, le=60, description="Seconds until the connection must stand, 0.1 to 60."
    )
    read_timeout_seconds: float = Field(
        default=30, ge=0.1, le=300, description="Seconds until the whole answer must have arrived, 0.1 to 300."
    )
    response_bytes_max: int = Field(
        default=10_000_000,
        ge=1_000,
        le=10_000_000,
        description="Bytes of an answer, packed and unpacked, 1,000 to 10,000,000; a larger one is a failure.",
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Calls in flight at once, 1 to 64.")

    @field_validator("headers")
    @classmethod
    def _key_sent_once(cls, headers: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        auth = info.data.get("auth")
        if isinstance(auth, ApiKey) and auth.location == "header":
            for name in headers:
                if name.lower() == auth.name.lower():
                    raise ValueError(f"{name} is sent by client.auth already: leave it out here")
        return headers


class Window(Table):
    """At most `limit` calls in any `interval`."""

    limit: int = Field(ge=1, le=LIMIT_MAX, description=f"Calls, 1 to {LIMIT_MAX:,}.")
    interval: Duration = Field(description="An ISO 8601 duration up to 31 days: PT1S, PT1M, PT1H, P1D.")


def _distinct(windows: list[Window]) -> list[Window]:
    lengths = [parse_duration(window.interval) for window in windows]
    for position, length in enumerate(lengths):
        if length in lengths[:position]:
            twice = windows[position].interval
            raise ValueError(f"has two windows of {twice}: keep the one with the lower limit")
    return windows


Windows = Annotated[list[Window], Field(min_length=1, max_length=8), AfterValidator(_distinct)]
