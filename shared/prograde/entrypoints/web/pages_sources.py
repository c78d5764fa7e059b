"""The page of the sources: what each is, how it is, and what it did last."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import flask

from prograde.domain.batch import Batch, BatchStatus
from prograde.entrypoints.web.batch_view import limits_text
from prograde.entrypoints.web.rendering import HTML, rendered, status_look
from prograde.entrypoints.web.route import Call, Route
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import Caller
from prograde.use_cases.services import Services

BATCHES_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source file; where it cannot be used, the problems say why."""

    name: str
    source: str = ""
    origin: str = ""
    limits: str = ""
    has_active: bool = False
    last: Batch | None = None
    last_good: Batch | None = None
    under_way: tuple[Batch, ...] = ()
    problems: Sequence[Problem] = ()

    @property
    def health(self) -> tuple[str, str]:
        """How it is, and the colour of that: by its batches under way, else by the last one that is over."""
        if self.problems:
            return "not usable", "bad"
        if any(batch.outage is not None for batch in self.under_way):
            return "answers nobody", "bad"
        if any(batch.status is BatchStatus.RUNNING for batch in self.under_way):
            return "being asked", "live"
        if self.under_way:
            status = self.under_way[0].status
            return status, status_look(status)
        if self.last is None:
            return "not asked lately", ""
        return f"last batch {self.last.status}", status_look(self.last.status)


def sources_page(call: Call) -> flask.Response:
    """Show every source of the catalog."""
    batches = call.services.store.newest(None, BATCHES_LOOKED_AT)
    rows = [_row(call.services, name, batches) for name in call.services.catalog.names()]
    return rendered("sources.html", {"rows": rows, "now": call.services.clock.now()})


def _row(services: Services, name: str, batches: Sequence[Batch]) -> SourceRow:
    # What reads source files is much, and the tasks of this function never do.
    from prograde.adapters.listing_api.source_file import load_source

    try:
        source = load_source(services.catalog.text(name), os.environ)
    except InputError as error:
        return SourceRow(name, problems=error.problems)
    except NotFoundError as error:
        return SourceRow(name, problems=[Problem("source", name, str(error))])
    own = [batch for batch in batches if batch.source == source.name]
    return SourceRow(
        name=name,
        source=source.name,
        origin=source.client.base_url.origin,
        limits=limits_text(source.rate_limits),
        has_active=source.has_active,
        last=next((batch for batch in own if batch.status.is_over), None),
        last_good=next((batch for batch in own if batch.status is BatchStatus.COMPLETE), None),
        under_way=tuple(batch for batch in own if not batch.status.is_over),
    )


ROUTES = (Route("GET", "/sources", Caller.PEOPLE, sources_page, gives=(HTML,)),)
