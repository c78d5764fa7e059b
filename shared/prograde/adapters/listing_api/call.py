"""What one dispatch asks of a source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson

from prograde.adapters.listing_api.templates import query_text
from prograde.replacing import replace


@dataclass(frozen=True, slots=True)
class Call:
    """Path and query; with a document it is a POST of that document as JSON."""

    target: str
    document: Mapping[str, object] | None = None

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.document is None else "POST"

    @property
    def body(self) -> bytes | None:
        """The document as it is sent."""
        return None if self.document is None else orjson.dumps(self.document)

    def with_param(self, name: str, value: str) -> Self:
        """Add a parameter to the query."""
        separator = "&" if "?" in self.target else "?"
        return replace(self, target=f"{self.target}{separator}{query_text(name)}={query_text(value)}")
