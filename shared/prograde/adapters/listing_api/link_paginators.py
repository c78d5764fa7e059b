"""Paginators that follow the address of the next page; the cursor is its path and query."""

from dataclasses import dataclass
from urllib.parse import unquote_plus

from prograde.adapters.listing_api.base_url import BaseUrl, ForeignOriginError
from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression
from prograde.adapters.listing_api.link_header import related_link
from prograde.adapters.listing_api.paginators import LINK_LENGTH_MAX, Fetched, find, unfollowable
from prograde.adapters.listing_api.secret import Redactor


@dataclass(frozen=True, slots=True)
class LinkFollower:
    """
    Follows links within the source's origin, never in a circle of one, and never with credentials in them.

    `auth_params` are the query parameters that each call brings by itself.
    """

    base_url: BaseUrl
    redactor: Redactor
    auth_params: frozenset[str]

    def follow(self, link: str, fetched: str) -> str:
        """Turn a link found in the answer to `fetched` into a cursor; raises UnusableAnswerError."""
        if len(link) > LINK_LENGTH_MAX:
            raise unfollowable("link_too_long", f"the next link is longer than {LINK_LENGTH_MAX:,} characters")
        try:
            target = self.base_url.target(link, fetched)
        except ForeignOriginError as error:
            raise unfollowable("foreign_link", f"the next link leads to {error}, not {self.base_url.origin}") from None
        except ValueError:
            raise unfollowable("foreign_link", f"the next link is no address at {self.base_url.origin}") from None
        is_suspect = bool(self.auth_params) or self.redactor.holds_any(target)
        if is_suspect:
            target = self._without_credentials(target)
        if target == fetched:
            raise unfollowable("paginator_loop", "the next link leads to the page that it is on")
        if len(target) > LINK_LENGTH_MAX:
            raise unfollowable(
                "link_too_long", f"the next link, encoded, is longer than {LINK_LENGTH_MAX:,} characters"
            )
        if is_suspect and self.redactor.holds_secret(target):
            raise unfollowable("secret_in_cursor", "the next link holds a secret, which must not be stored")
        return target

    def _without_credentials(self, target: str) -> str:
        """Leave out what repeats our credentials: a cursor is stored, and each call brings its own."""
        path, _, query = target.partition("?")
        pairs = [pair for pair in query.split("&") if not self._is_credential(*pair.partition("=")[::2])]
        return "?".join(filter(None, (path, "&".join(pairs))))

    def _is_credential(self, name: str, value: str) -> bool:
        return unquote_plus(name) in self.auth_params or self.redactor.is_secret(value)


@dataclass(frozen=True, slots=True)
class JsonLinkPaginator:
    """The answer's document holds the next page's address, as OData's `@odata.nextLink`."""

    next_url_path: Expression
    links: LinkFollower

    def call(self, first: Call, cursor: str | None) -> Call:
        """Ask for what the link said."""
        return first if cursor is None else Call(cursor)

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Follow the link; none, null or "" is on the last page."""
        link = find(self.next_url_path, "next_url_path", fetched.document)
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise UnusableAnswerError("malformed", f"next_url_path {self.next_url_path.text} finds no text")
        return self.links.follow(link, fetched.target)


@dataclass(frozen=True, slots=True)
class HeaderLinkPaginator:
    """The answer's `Link` header holds the next page's address, under the relation `links_next_key`."""

    links_next_key: str
    links: LinkFollower

    def call(self, first: Call, cursor: str | None) -> Call:
        """Ask for what the link said."""
        return first if cursor is None else Call(cursor)

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Follow the link; the last page has none of that relation."""
        try:
            link = related_link(fetched.headers.get("link", ""), self.links_next_key)
        except ValueError as error:
            raise UnusableAnswerError("malformed", f"the Link header {error}") from None
        return None if link is None else self.links.follow(link, fetched.target)
