"""The stages of a source, compiled: what to ask for, and what a document means."""

from collections.abc import Mapping
from dataclasses import dataclass

from prograde.adapters.listing_api.base_url import BaseUrl
from prograde.adapters.listing_api.mapping import ListingMapper, ProfileMapper
from prograde.adapters.listing_api.paginators import Fetched, Paginator
from prograde.adapters.listing_api.templates import Template, query_text
from prograde.domain.outcome import ListingPage, Outcome
from prograde.ports import PageRequest


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path below the base URL and its parameters, in their order."""

    base_url: BaseUrl
    path: Template
    params: Mapping[str, Template]

    def target(self, request: PageRequest) -> str:
        """Render path and query."""
        values = {
            "professional_id": request.professional_id,
            "agent_key": request.agent_key,
            "cutoff": request.parameters.cutoff.isoformat(),
            "as_of": request.parameters.as_of.isoformat(),
        }
        path = f"{self.base_url.path}/{self.path.path(values)}"
        query = "&".join(f"{query_text(name)}={value.query(values)}" for name, value in self.params.items())
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class ProfileStage:
    """One record, one call."""

    endpoint: Endpoint
    mapper: ProfileMapper

    def target(self, request: PageRequest) -> str:
        """Give the path and query to ask for."""
        return self.endpoint.target(request)

    def outcome(self, request: PageRequest, target: str, document: object) -> Outcome:  # noqa: ARG002  # as a ListingStage
        """Sort a document; raises UnusableAnswerError."""
        return self.mapper.read(document)


@dataclass(frozen=True, slots=True)
class ListingStage:
    """Listings, page after page."""

    endpoint: Endpoint
    mapper: ListingMapper
    paginator: Paginator
    is_newest_first: bool

    def target(self, request: PageRequest) -> str:
        """Give the path and query to ask for."""
        return self.paginator.target(self.endpoint.target(request), request.cursor)

    def outcome(self, request: PageRequest, target: str, document: object) -> Outcome:
        """Sort a document; raises UnusableAnswerError."""
        records = self.mapper.read(document)
        next_cursor = self.paginator.next_cursor(Fetched(target, request.cursor, document, len(records)))
        return ListingPage(records, next_cursor, self.is_newest_first)
