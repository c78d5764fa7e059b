"""The source file's shape, as pydantic reads it and as editors know it from its JSON Schema."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from prograde.adapters.listing_api.client_tables import ApiKey, ClientTable, Windows
from prograde.adapters.listing_api.json_template import with_value
from prograde.adapters.listing_api.paginator_tables import AnyPaginator, Cursor, PaginatorTable
from prograde.adapters.listing_api.source_table import Table
from prograde.adapters.listing_api.source_values import (
    Expression,
    JsonBody,
    ListingPath,
    Name,
    Parameter,
    ProfileParameter,
    ProfilePath,
    SourceName,
)


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
    json_body: JsonBody | None = Field(
        default=None,
        alias="json",
        description="The body of a POST, with placeholders in its texts; a quote in a value is doubled.",
    )
    method: Literal["GET", "POST"] = Field(
        default="GET",
        validate_default=True,
        description="POST where the cursor travels in the body: json and cursor_body_path.",
    )
    data_selector: Expression = Field(description="JMESPath of the list of records.")
    paginator: AnyPaginator

    @field_validator("method")
    @classmethod
    def _with_a_body(cls, method: str, info: ValidationInfo) -> str:
        if "json_body" in info.data and (method == "POST") != (info.data["json_body"] is not None):
            raise ValueError("json belongs to method: POST, and method: POST to json: write both or neither")
        return method

    @field_validator("paginator")
    @classmethod
    def _fitting(cls, paginator: PaginatorTable, info: ValidationInfo) -> PaginatorTable:
        repeated = sorted(paginator.own_params & set(info.data.get("params", ())))
        if repeated:
            raise ValueError(f"the paginator sets {' and '.join(repeated)} itself: leave it out of params")
        path = paginator.cursor_body_path if isinstance(paginator, Cursor) else None
        if path is not None and info.data.get("method") == "GET":
            raise ValueError("cursor_body_path needs method: POST and json")
        if path is None and info.data.get("method") == "POST":
            raise ValueError("method: POST is for a cursor in the body: use type cursor with cursor_body_path")
        if path is not None:
            try:
                with_value(info.data.get("json_body") or {}, path.split("."), None)
            except ValueError as error:
                raise ValueError(f"cursor_body_path {error}") from None
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

    @property
    def params(self) -> Mapping[str, frozenset[str]]:
        """The query parameters that each stage sends, by the key that names them."""
        named = {"profile.params": frozenset(self.profile.params)}
        for name, stage in (("active", self.active), ("historical", self.historical)):
            if stage is not None:
                named[f"{name}.params"] = frozenset(stage.params)
                named[f"{name}.paginator"] = stage.paginator.own_params
        return named


class SourceTable(Table):
    """A source of prograde: one listing API."""

    version: Literal[1] = Field(description="The version of this file's shape.")
    name: SourceName = Field(description="How batches and exports name the source: 1 to 40 of a-z, 0-9, _ and -.")
    client: ClientTable
    rate_limits: Windows = Field(
        description="The API's limits, 1 to 8 windows of different lengths. None is ever exceeded."
    )
    stages: StagesTable

    @field_validator("stages")
    @classmethod
    def _key_sent_once(cls, stages: StagesTable, info: ValidationInfo) -> StagesTable:
        auth = info.data["client"].auth if "client" in info.data else None
        if isinstance(auth, ApiKey) and auth.location == "query":
            for place, params in stages.params.items():
                if auth.name in params:
                    raise ValueError(f"{place} sets {auth.name}, which client.auth sends already: leave it out there")
        return stages
