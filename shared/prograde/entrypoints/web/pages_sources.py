"""The page of the sources: what each is, how it is, and what it did last."""

from collections.abc import Sequence
from dataclasses import dataclass

import flask

from prograde.domain.batch import Batch, BatchStatus
from prograde.entrypoints.web.batch_view import limits_text
from prograde.entrypoints.web.listed_sources import ListedSource, listed_sources
from prograde.entrypoints.web.rendering import HTML, rendered, status_look
from prograde.entrypoints.web.route import Call, Route
from prograde.ports import Caller

BATCHES_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source file, and what was done with its source lately."""

    file: ListedSource
    last: Batch | None = None
    last_good: Batch | None = None
    under_way: tuple[Batch, ...] = ()

    @property
    def limits(self) -> str:
        """The limits in words."""
        return limits_text(self.file.rate_limits)

    @property
    def health(self) -> tuple[str, str]:
        """How it is, and the colour of that: by its batches under way, else by the last one that is over."""
        if not self.file.is_usable:
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
    rows = [_row(file, batches) for file in listed_sources(call.services.catalog)]
    return rendered("sources.html", {"rows": rows, "now": call.services.clock.now()})


def _row(file: ListedSource, batches: Sequence[Batch]) -> SourceRow:
    own = [batch for batch in batches if batch.source == file.source]
    return SourceRow(
        file=file,
        last=next((batch for batch in own if batch.status.is_over), None),
        last_good=next((batch for batch in own if batch.status is BatchStatus.COMPLETE), None),
        under_way=tuple(batch for batch in own if not batch.status.is_over),
    )


ROUTES = (Route("GET", "/sources", Caller.PEOPLE, sources_page, gives=(HTML,)),)
