"""
How a source gives its pages: where the next one is, and when there is none.

A cursor is an opaque text that is stored with the professional; None asks for the first page.
"""

import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_plus

from prograde.adapters.listing_api.base_url import BaseUrl, ForeignOriginError
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression
from prograde.adapters.listing_api.secret import Redactor
from prograde.adapters.listing_api.templates import query_text

LINK_LENGTH_MAX = 8_192
"""What servers take as one request line."""

_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page that came: what was asked for, the answer, and how many records were in it."""

    target: str
    cursor: str | None
    document: object
    records: int


class Paginator(Protocol):
    """Turns pages into cursors and cursors into requests."""

    def target(self, first: str, cursor: str | None) -> str:
        """Give the path and query to ask for; `first` are those of the stage itself."""
        ...

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Give the next page's cursor, None after the last page; raises UnusableAnswerError where it cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class JsonLinkPaginator:
    """The answer holds the next page's address, as OData's `@odata.nextLink`; the cursor is its path and query."""

    next_url_path: Expression
    base_url: BaseUrl
    redactor: Redactor

    def target(self, first: str, cursor: str | None) -> str:
        """Ask for what the link said."""
        return first if cursor is None else cursor

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Follow the link, within the source's origin and never in a circle of one."""
        link = _read(self.next_url_path, fetched.document, "next_url_path")
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise UnusableAnswerError("malformed", f"next_url_path {self.next_url_path.text} finds no text")
        if len(link) > LINK_LENGTH_MAX:
            raise _terminal("link_too_long", f"the next link is longer than {LINK_LENGTH_MAX:,} characters")
        try:
            target = self._without_secrets(self.base_url.target(link, fetched.target))
        except ForeignOriginError as error:
            raise _terminal("foreign_link", f"the next link leads to {error}, not {self.base_url.origin}") from None
        except ValueError:
            raise _terminal("foreign_link", f"the next link is no address at {self.base_url.origin}") from None
        if target == fetched.target:
            raise _terminal("paginator_loop", "the next link leads to the page that it is on")
        if len(target) > LINK_LENGTH_MAX:
            raise _terminal("link_too_long", f"the next link, encoded, is longer than {LINK_LENGTH_MAX:,} characters")
        return target

    def _without_secrets(self, target: str) -> str:
        """Leave out a parameter that repeats our credentials: a cursor is stored, and each call brings its own."""
        path, _, query = target.partition("?")
        pairs = [pair for pair in query.split("&") if not self.redactor.is_secret(unquote_plus(pair.partition("=")[2]))]
        return "?".join(filter(None, (path, "&".join(pairs))))


@dataclass(frozen=True, slots=True)
class PageNumberPaginator:
    """
    Pages are asked for by number; the cursor is the number.

    The total, where the answer states one, says which page is the last; otherwise an empty page does.
    """

    page_param: str
    base_page: int
    total_path: Expression | None
    stop_after_empty_page: bool

    def target(self, first: str, cursor: str | None) -> str:
        """Add the page's number to the stage's own parameters."""
        separator = "&" if "?" in first else "?"
        return f"{first}{separator}{query_text(self.page_param)}={self._number(cursor)}"

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Count on, until the total or an empty page says that this was the last."""
        number = self._number(fetched.cursor)
        if self.total_path is not None and number - self.base_page + 1 >= self._total(fetched.document):
            return None
        if fetched.records:
            return str(number + 1)
        if self.stop_after_empty_page:
            return None
        raise UnusableAnswerError("malformed", f"page {number} is empty though the total says that more follow")

    def _number(self, cursor: str | None) -> int:
        return self.base_page if cursor is None else int(cursor)

    def _total(self, document: object) -> int:
        assert self.total_path is not None
        total = _read(self.total_path, document, "total_path")
        if isinstance(total, str) and _WHOLE_NUMBER.fullmatch(total):
            total = int(total)
        if type(total) is not int or total < 0:
            raise UnusableAnswerError("malformed", f"total_path {self.total_path.text} finds no number of pages")
        return total


def _read(expression: Expression, document: object, name: str) -> object:
    try:
        return expression.read(document)
    except ValueError as error:
        raise UnusableAnswerError("malformed", f"{name}: {error}") from None


def _terminal(cause: str, detail: str) -> UnusableAnswerError:
    return UnusableAnswerError(cause, detail, is_terminal=True)
