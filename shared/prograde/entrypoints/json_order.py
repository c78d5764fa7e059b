"""What an order in JSON looks like; reading one, which takes the readers of source files, is another module's."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PROFESSIONALS_MAX = 100_000
"""Named in JSON; more of them are an upload, or a stored roster."""


class JsonOrder(BaseModel):
    """What an order says: the source, either a stored roster or who is to be graded, and parameters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Annotated[str, Field(max_length=100, description="the name of a source that there is")]
    professionals: Annotated[
        list[str] | None, Field(max_length=PROFESSIONALS_MAX, description="their ids, as the source knows them")
    ] = None
    roster: Annotated[
        str | None,
        Field(
            pattern=r"^rosters/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv$",
            description="the name of a stored roster, instead of professionals",
        ),
    ] = None
    parameters: Annotated[dict[str, Any], Field(description="what differs from the defaults")] = {}
