"""
A deliberate breakage of the protocol, as changes of source text.

Read only by `hunting`; a snippet that no longer stands in its module exactly once makes the hunt fail loudly.
"""

from dataclasses import dataclass

FETCH = "use_cases.fetch_page"


@dataclass(frozen=True, slots=True)
class Change:
    """In a module, `old` becomes `new`."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One breakage."""

    name: str
    changes: tuple[Change, ...]


def mutant(name: str, module: str, *pairs: tuple[str, str]) -> Mutant:
    """Make a mutant of one module."""
    return Mutant(name, tuple(Change(f"prograde.{module}", old, new) for old, new in pairs))
