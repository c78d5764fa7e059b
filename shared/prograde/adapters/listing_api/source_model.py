"""The source file's shape, as pydantic reads it and as editors know it from its JSON Schema."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from prograde.adapters.listing_api.source_values import (
    BaseUrlText,
    Duration,
    Expression,
    Headers,
    ListingPath,
    Name,
    Parameter,
    ProfileParameter,
    ProfilePath,
    SecretReference,
    SourceName,
)


class Table(BaseModel):
    """A mapping of the file: unknown keys are mistakes, and text is not taken for numbers."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bearer(Table):
    """A token in the Authorization header."""

    type: Literal["bearer"] = Field(description="The token travels as `Authorization: Bearer TOKEN`.")
    token: SecretReference = Field(
        description="Where the token is: `${env:NAME}`, an environment variable. The token itself never stands here."
    )


class ClientTable(Table):
    """How the API is called."""

    base_url: BaseUrlText = Field(
        description="What every path is below. https, or http to this machine. Next links must stay at its host."
    )
    auth: Bearer | None = Field(default=None, description="Credentials; without it none are sent.")
    headers: Headers = Field(default={}, description="Headers of each call; `${env:NAME}` in a value is a secret.")
    connect_timeout_seconds: float = Field(
        default=5, ge=0.1, le=60, description="Seconds until the connection must stand, 0.1 to 60."
    )
    read_timeout_seconds: float = Field(
        default=30, ge=0.1, le=300, description="Seconds until the whole answer must have arrived, 0.1 to 300."
    )
    response_bytes_max: int = Field(
        default=10_000_000,
        ge=1_000,
        le=100_000_000,
        description="Bytes of an unpacked answer, 1,000 to 100,000,000; a larger one is a failure.",
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Calls in flight at once, 1 to 64.")


class Window(Table):
    """At most `limit` calls in any `interval`."""

    limit: int = Field(ge=1, le=100_000, description="Calls, 1 to 100,000.")
    interval: Duration = Field(description="An ISO 8601 duration up to 31 days: PT1S, PT1M, PT1H, P1D.")


class JsonLink(Table):
    """The answer names the next page's address."""

    type: Literal["json_link"] = Field(description="The answer names the next page's address.")
    next_url_path: Expression = Field(
        description="JMESPath of the address; absent, null or empty after the last page. Quote special keys inside."
    )


class PageNumber(Table):
    """Pages are asked for by number."""

    type: Literal["page_number"] = Field(description="Pages are asked for by number.")
    page_param: Name = Field(default="page", description="The parameter that carries the number.")
    base_page: int = Field(default=1, ge=0, le=1, description="The first page's number, 0 or 1.")
    total_path: Expression | None = Field(
        default=None, description="JMESPath of the number of pages, where the answer states it; it then decides."
    )
    stop_after_empty_page: bool | None = Field(
        default=None,
        description="Whether an empty page is the last: always so without total_path; with it, by default an error.",
    )

    @field_validator("stop_after_empty_page")
    @classmethod
    def _some_end(cls, stops: bool | None, info: ValidationInfo) -> bool | None:  # noqa: FBT001  # pydantic's signature
        if stops is False and info.data.get("total_path", "") is None:
            raise ValueError("may be false only with total_path: otherwise nothing says which page is the last")
        return stops


AnyPaginator = Annotated[JsonLink | PageNumber, Field(discriminator="type")]


class ProfileFields(Table):
    """Where a profile's values are; what the source does not have is left out."""

    agent_key: Expression | None = Field(
        default=None, description="The key by which listings name the professional; without it, the roster's id."
    )
    first_name: Expression | None = None
    last_name: Expression | None = None
    full_name: Expression | None = Field(default=None, description="Split into first and last name where those lack.")
    email: Expression | None = None
    phone: Expression | None = None
    office: Expression | None = None
    city: Expression | None = None
    state: Expression | None = None
    license: Expression | None = None
    stated_volume: Expression | None = Field(
        default=None, description="Volume of the last twelve months as the source states it: the initial score."
    )
    stated_sides: Expression | None = Field(default=None, description="Sides of the last twelve months, as stated.")
    stated_active: Expression | None = Field(default=None, description="Active listings, as stated.")
    stated_last_close: Expression | None = Field(default=None, description="Date of the last sale, as stated.")


class ActiveFields(Table):
    """Where an active listing's values are."""

    key: Expression = Field(description="The listing's key, unique in the source.")
    status: Expression | None = Field(
        default=None, description="The status; left out where the request itself brings active listings only."
    )
    property_type: Expression | None = Field(default=None, description="Tells leases from sales.")
    list_price: Expression | None = None
    list_agent: Expression | None = Field(default=None, description="The listing agent's key.")
    co_list_agent: Expression | None = None


class HistoricalFields(Table):
    """Where a sold listing's values are."""

    key: Expression = Field(description="The listing's key, unique in the source.")
    status: Expression | None = Field(
        default=None, description="The status; left out where the request itself brings closed listings only."
    )
    property_type: Expression | None = Field(default=None, description="Tells leases from sales.")
    list_price: Expression | None = None
    close_price: Expression = Field(description="The price; null where it is not disclosed.")
    close_date: Expression = Field(description="The date of closing, YYYY-MM-DD, alone or before a time.")
    list_agent: Expression = Field(description="The listing agent's key.")
    co_list_agent: Expression | None = None
    buyer_agent: Expression | None = None
    co_buyer_agent: Expression | None = None


class ProfileTable(Table):
    """The call that brings one professional."""

    path: ProfilePath = Field(description="Below base_url; {professional_id} is put in, encoded.")
    params: dict[Name, ProfileParameter] = Field(default={}, max_length=50, description="Query parameters.")
    data_selector: Expression = Field(description="JMESPath of the record; null means that there is none.")
    fields: ProfileFields


class ListingTable(Table):
    """The calls that bring listings."""

    path: ListingPath = Field(
        description="Below base_url; {professional_id}, {agent_key}, {cutoff} and {as_of} are put in, encoded."
    )
    params: dict[Name, Parameter] = Field(
        default={}, max_length=50, description="Query parameters, with placeholders; a quote in a value is doubled."
    )
    data_selector: Expression = Field(description="JMESPath of the list of records.")
    paginator: AnyPaginator

    @field_validator("paginator")
    @classmethod
    def _page_param(cls, paginator: JsonLink | PageNumber, info: ValidationInfo) -> JsonLink | PageNumber:
        if isinstance(paginator, PageNumber) and paginator.page_param in info.data.get("params", {}):
            raise ValueError(f"the paginator sets {paginator.page_param} itself: leave it out of params")
        return paginator


class ActiveTable(ListingTable):
    """The active stage."""

    fields: ActiveFields


class HistoricalTable(ListingTable):
    """The historical stage."""

    fields: HistoricalFields
    newest_first: bool = Field(
        default=False,
        description="Whether the request orders by close date, descending: then paging stops at the cutoff.",
    )


class StagesTable(Table):
    """The three stages, in their order."""

    profile: ProfileTable = Field(description="Who the professional is.")
    active: ActiveTable | None = Field(default=None, description="What the professional lists now; may be left out.")
    historical: HistoricalTable = Field(description="What the professional sold.")


class SourceTable(Table):
    """A source of prograde: one listing API."""

    version: Literal[1] = Field(description="The version of this file's shape.")
    name: SourceName = Field(description="How batches and exports name the source: 1 to 40 of a-z, 0-9, _ and -.")
    client: ClientTable
    rate_limits: list[Window] = Field(
        min_length=1, max_length=1, description="The API's limit: one window, the tightest. It is never exceeded."
    )
    stages: StagesTable
