"""The source files of the catalog, each read: what it says, or why it cannot be used."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from prograde.domain.pace import RateLimit
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import SourceCatalog


@dataclass(frozen=True, slots=True)
class ListedSource:
    """
    A source file by its name, and the name of the source in it.

    Where it cannot be used, the problems say why, and the rest is empty.
    """

    name: str
    source: str = ""
    origin: str = ""
    rate_limits: tuple[RateLimit, ...] = ()
    has_active: bool = False
    problems: Sequence[Problem] = ()

    @property
    def is_usable(self) -> bool:
        """Whether a batch can be started of it now."""
        return not self.problems

    @property
    def why_not(self) -> str:
        """Say in a few words why it cannot be used."""
        first, others = self.problems[0], len(self.problems) - 1
        said = first.remedy.partition(": ")[0]
        # A variable is found by its name, wherever in the file it stands.
        variable = said.removeprefix("the environment variable ")
        told = f"{first.field}: {said}" if variable == said else variable
        return f"{told}{f', and {others} more' if others else ''}"


def listed_sources(catalog: SourceCatalog) -> tuple[ListedSource, ...]:
    """Read every source file that there is."""
    return tuple(_read(catalog, name) for name in catalog.names())


def _read(catalog: SourceCatalog, name: str) -> ListedSource:
    # What reads source files is much, and the tasks of this function never do.
    from prograde.adapters.listing_api.source_file import load_source

    try:
        source = load_source(catalog.text(name), os.environ)
    except InputError as error:
        return ListedSource(name, problems=error.problems)
    except NotFoundError as error:
        return ListedSource(name, problems=[Problem("source file", name, str(error))])
    return ListedSource(name, source.name, source.client.base_url.origin, source.rate_limits, source.has_active)
