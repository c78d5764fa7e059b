"""
How a source gives its pages: where the next one is, and when there is none.

A cursor is an opaque text that is stored with the professional; None asks for the first page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression

LINK_LENGTH_MAX = 8_192
"""What servers take as one request line."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page that came: what was asked for, the answer (headers by lower-case names), and how many records it had."""

    target: str
    cursor: str | None
    headers: Mapping[str, str]
    document: object
    records: int


class Paginator(Protocol):
    """Turns pages into cursors and cursors into calls."""

    def call(self, first: Call, cursor: str | None) -> Call:
        """Give the call for a page; `first` is the stage's own."""
        ...

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Give the next page's cursor, None after the last page; raises UnusableAnswerError where it cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class SinglePagePaginator:
    """All there is comes with the first answer."""

    def call(self, first: Call, cursor: str | None) -> Call:  # noqa: ARG002  # as a Paginator
        """Ask for the one page."""
        return first

    def next_cursor(self, fetched: Fetched) -> str | None:  # noqa: ARG002  # as a Paginator
        """None: it was the last."""
        return None


def find(expression: Expression, name: str, document: object) -> object:
    """Evaluate the expression under a key of the source file; raises UnusableAnswerError where it does not fit."""
    try:
        return expression.read(document)
    except ValueError as error:
        raise UnusableAnswerError("malformed", f"{name}: {error}") from None


def unfollowable(cause: str, detail: str) -> UnusableAnswerError:
    """Say that the next page cannot be asked for, now or later."""
    return UnusableAnswerError(cause, detail, is_terminal=True)
