"""The paginators of a source file, as pydantic reads them."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from prograde.adapters.listing_api.source_table import Table
from prograde.adapters.listing_api.source_values import BodyPath, Expression, Name


class PaginatorTable(Table):
    """What the paginators have in common."""

    @property
    def own_params(self) -> frozenset[str]:
        """The query parameters that the paginator sets itself."""
        return frozenset()


class JsonLink(PaginatorTable):
    """The answer names the next page's address."""

    type: Literal["json_link"] = Field(description="The answer names the next page's address.")
    next_url_path: Expression = Field(
        description="JMESPath of the address; absent, null or empty after the last page. Quote special keys inside."
    )


class HeaderLink(PaginatorTable):
    """The answer's Link header names the next page's address."""

    type: Literal["header_link"] = Field(description="The answer's Link header names the next page's address.")
    links_next_key: Name = Field(default="next", description='The relation that the next page has: rel="next".')


class PageNumber(PaginatorTable):
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

    @property
    def own_params(self) -> frozenset[str]:
        """The number's."""
        return frozenset({self.page_param})

    @field_validator("stop_after_empty_page")
    @classmethod
    def _some_end(cls, stops: bool | None, info: ValidationInfo) -> bool | None:  # noqa: FBT001  # pydantic's signature
        if stops is False and info.data.get("total_path", "") is None:
            raise ValueError("may be false only with total_path: otherwise nothing says which page is the last")
        return stops


class Offset(PaginatorTable):
    """Pages are asked for by the number of records before them."""

    type: Literal["offset"] = Field(description="Pages are asked for by the number of records before them.")
    offset_param: Name = Field(default="offset", description="The parameter that carries the offset.")
    limit_param: Name = Field(default="limit", description="The parameter that carries the limit.")
    limit: int = Field(ge=1, le=100_000, description="Records asked for at once, 1 to 100,000; fewer may come.")
    base_offset: int = Field(default=0, ge=0, le=1, description="The first record's offset, 0 or 1.")
    total_path: Expression | None = Field(
        default=None,
        description="JMESPath of the number of records, where the answer states it; it then decides.",
    )
    maximum_offset: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="The largest offset that the API takes: what lies beyond is a failure, not left out silently.",
    )

    @property
    def own_params(self) -> frozenset[str]:
        """The offset's and the limit's."""
        return frozenset({self.offset_param, self.limit_param})

    @field_validator("limit_param")
    @classmethod
    def _two_params(cls, limit_param: str, info: ValidationInfo) -> str:
        if limit_param == info.data.get("offset_param"):
            raise ValueError("must be another parameter than offset_param")
        return limit_param


class Cursor(PaginatorTable):
    """The answer holds a token that asks for the next page."""

    type: Literal["cursor"] = Field(description="The answer holds a token that asks for the next page.")
    cursor_path: Expression = Field(
        description="JMESPath of the token, a text or a whole number; absent, null or empty after the last page."
    )
    cursor_param: Name | None = Field(default=None, description="The query parameter that carries the token.")
    cursor_body_path: BodyPath | None = Field(
        default=None, description="Where the token goes in the stage's json, keys parted by dots; with method POST."
    )

    @property
    def own_params(self) -> frozenset[str]:
        """The token's, if it travels in the query."""
        return frozenset(filter(None, {self.cursor_param}))

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.cursor_param is None) == (self.cursor_body_path is None):
            raise ValueError("must say where the token goes: either cursor_param or cursor_body_path")
        return self


class SinglePage(PaginatorTable):
    """All there is comes at once."""

    type: Literal["single_page"] = Field(description="All there is comes at once.")


AnyPaginator = Annotated[JsonLink | HeaderLink | PageNumber | Offset | Cursor | SinglePage, Field(discriminator="type")]
