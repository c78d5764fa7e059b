"""The source files of the catalog, each read: what it says, or why it cannot be used."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prograde.domain.effects import digest
from prograde.domain.pace import RateLimit
from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import SourceCatalog

REMEMBERED_MAX = 256


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


_remembered: dict[tuple[str, int], ListedSource] = {}


def listed_sources(catalog: SourceCatalog) -> tuple[ListedSource, ...]:
    """Read every source file that there is; one whose text was read before, in the same environment, not again."""
    # Secrets come from there, and may be missing; only their hash stays.
    environment = hash(frozenset(os.environ.items()))
    return tuple(_listed(catalog, name, environment) for name in catalog.names())


def _listed(catalog: SourceCatalog, name: str, environment: int) -> ListedSource:
    try:
        text = catalog.text(name)
    except InputError as error:
        return ListedSource(name, problems=error.problems)
    except NotFoundError as error:
        return ListedSource(name, problems=[Problem("source file", name, str(error))])
    key = digest(text), environment
    found = _remembered.get(key)
    if found is None:
        found = _read(text)
        if len(_remembered) >= REMEMBERED_MAX:
            _remembered.clear()
        _remembered[key] = found
    return replace(found, name=name)


def _read(text: str) -> ListedSource:
    # What reads source files is much, and the tasks of this function never do.
    from prograde.adapters.listing_api.source_file import load_source

    try:
        source = load_source(text, os.environ)
    except InputError as error:
        return ListedSource("", problems=error.problems)
    return ListedSource("", source.name, source.client.base_url.origin, source.rate_limits, source.has_active)
