"""Paginators that hand a token of the answer back to the source."""

from dataclasses import dataclass

import orjson

from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression
from prograde.adapters.listing_api.json_template import with_value
from prograde.adapters.listing_api.paginators import Fetched, find, unfollowable
from prograde.adapters.listing_api.secret import Redactor

CURSOR_LENGTH_MAX = 4_096
"""Encoded for a URL it may be three times as long."""
NUMBERS = range(-(2**63), 2**64)
"""The whole numbers that are read and written as JSON; an expression can make others."""


@dataclass(frozen=True, slots=True)
class CursorReader:
    """Finds the next page's token in an answer: a text or a whole number."""

    cursor_path: Expression
    redactor: Redactor

    def read(self, fetched: Fetched) -> str | int | None:
        """Give the token; none, null or "" is on the last page. Raises UnusableAnswerError."""
        token = find(self.cursor_path, "cursor_path", fetched.document)
        if token is None or token == "":
            return None
        if isinstance(token, bool) or not isinstance(token, str | int):
            raise UnusableAnswerError("malformed", f"cursor_path {self.cursor_path.text} finds no text and no number")
        if isinstance(token, int) and token not in NUMBERS:
            raise UnusableAnswerError("malformed", f"cursor_path {self.cursor_path.text} finds a number too large")
        if len(str(token)) > CURSOR_LENGTH_MAX:
            raise unfollowable("cursor_too_long", f"the next cursor is longer than {CURSOR_LENGTH_MAX:,} characters")
        if self.redactor.is_secret(str(token)) or self.redactor.holds_secret(str(token)):
            raise unfollowable("secret_in_cursor", "the next cursor holds a secret, which must not be stored")
        return token


@dataclass(frozen=True, slots=True)
class QueryCursorPaginator:
    """The token goes into a query parameter; our cursor is the token."""

    token: CursorReader
    cursor_param: str

    def call(self, first: Call, cursor: str | None) -> Call:
        """Add the token to the stage's own parameters."""
        return first if cursor is None else first.with_param(self.cursor_param, cursor)

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Take the token, never the same one twice."""
        token = self.token.read(fetched)
        return None if token is None else _moved(str(token), fetched)


@dataclass(frozen=True, slots=True)
class BodyCursorPaginator:
    """The token goes into the document of a POST; our cursor is its JSON, so that a number stays one."""

    token: CursorReader
    cursor_body_path: tuple[str, ...]

    def call(self, first: Call, cursor: str | None) -> Call:
        """Put the token into the stage's own document."""
        if cursor is None:
            return first
        assert first.document is not None, "the source file is checked: a POST has a document"
        return Call(first.target, with_value(first.document, self.cursor_body_path, orjson.loads(cursor)))

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Take the token, never the same one twice."""
        token = self.token.read(fetched)
        return None if token is None else _moved(orjson.dumps(token).decode(), fetched)


def _moved(cursor: str, fetched: Fetched) -> str:
    if cursor == fetched.cursor:
        raise unfollowable("paginator_loop", "the next cursor is that of the page that it is on")
    return cursor
