"""The stages of a source, compiled: what to ask for, and what a document means."""

from collections.abc import Mapping
from dataclasses import dataclass

from prograde.adapters.listing_api.base_url import BaseUrl
from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.json_template import JsonTemplate
from prograde.adapters.listing_api.mapping import ListingMapper, ProfileMapper
from prograde.adapters.listing_api.paginators import Fetched, Paginator
from prograde.adapters.listing_api.templates import Template, query_text
from prograde.domain.outcome import Answered, ListingPage
from prograde.ports import PageRequest


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path below the base URL and its parameters, in their order; with a body it is a POST."""

    base_url: BaseUrl
    path: Template
    params: Mapping[str, Template]
    body: JsonTemplate | None = None

    def call(self, request: PageRequest) -> Call:
        """Put the professional and the dates in."""
        values = {
            "professional_id": request.professional_id,
            "agent_key": request.agent_key,
            "cutoff": request.parameters.cutoff.isoformat(),
            "as_of": request.parameters.as_of.isoformat(),
        }
        path = f"{self.base_url.path}/{self.path.path(values)}"
        query = "&".join(f"{query_text(name)}={value.query(values)}" for name, value in self.params.items())
        document = None if self.body is None else self.body.render(values)
        return Call(f"{path}?{query}" if query else path, document)


@dataclass(frozen=True, slots=True)
class ProfileStage:
    """One record, one call."""

    endpoint: Endpoint
    mapper: ProfileMapper

    def call(self, request: PageRequest) -> Call:
        """Give the call to make."""
        return self.endpoint.call(request)

    def outcome(
        self,
        request: PageRequest,  # noqa: ARG002  # as a ListingStage
        target: str,  # noqa: ARG002  # as a ListingStage
        headers: Mapping[str, str],  # noqa: ARG002  # as a ListingStage
        document: object,
    ) -> Answered:
        """Sort a document; raises UnusableAnswerError."""
        return self.mapper.read(document)


@dataclass(frozen=True, slots=True)
class ListingStage:
    """Listings, page after page."""

    endpoint: Endpoint
    mapper: ListingMapper
    paginator: Paginator
    is_newest_first: bool

    def call(self, request: PageRequest) -> Call:
        """Give the call to make."""
        return self.paginator.call(self.endpoint.call(request), request.cursor)

    def outcome(self, request: PageRequest, target: str, headers: Mapping[str, str], document: object) -> Answered:
        """Sort the answer to `target`; raises UnusableAnswerError."""
        records = self.mapper.read(document)
        next_cursor = self.paginator.next_cursor(Fetched(target, request.cursor, headers, document, len(records)))
        return ListingPage(records, next_cursor, self.is_newest_first)
