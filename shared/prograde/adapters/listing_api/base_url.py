"""A source's base URL: the only origin that is ever called."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
_PLAIN_TARGET = re.compile(r"/[A-Za-z0-9/:@!$&'()*+,=%\-._~\[\]]*(?:\?[A-Za-z0-9/?:@!$&'()*+,=%\-._~\[\]]+)?")
_TARGET_SAFE = "/?:@!$&'()*+,;=%-._~[]"
"""Left as they are in a link: it is encoded already, but for the spaces and letters that servers forget."""


class ForeignOriginError(Exception):
    """A link leads to another origin than the source's; its text is that origin."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Scheme, host, port and path, the path without a slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as they are written in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    def target(self, link: str, fetched: str) -> str:
        """
        Resolve a link found in the answer to `fetched` into what is asked for next: path and query.

        Raises ForeignOriginError, and ValueError for what is no link.
        """
        path = link.removeprefix(self.origin)
        if _PLAIN_TARGET.fullmatch(path) and path != link:
            # What servers send: our own origin, and nothing that is still to be encoded.
            return "/" + path.lstrip("/")
        joined = urljoin(f"{self.origin}{fetched}", link)
        if origin_of(joined) != self.origin:
            raise ForeignOriginError(origin_of(joined))
        parts = urlsplit(joined)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A path that begins with // would read as another host to whoever joins it again.
        return quote("/" + target.lstrip("/"), _TARGET_SAFE, errors="replace")


def origin_of(url: str) -> str:
    """Give a URL's scheme, host and port; raises ValueError where it has none, or names a user."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in parts.netloc:
        raise ValueError("is no http or https URL")
    return BaseUrl(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], "").origin


def parse_base_url(text: str) -> BaseUrl:
    """Read a base URL; raises ValueError with the remedy."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL: write https://host/path") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must begin with https:// and a host")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password: use client.auth")
    if "?" in text or "#" in text:
        raise ValueError("must end before ? and #: parameters belong to a stage's params")
    if not _HOST.fullmatch(parts.hostname) or not _is_plain_path(parts.path):
        raise ValueError("holds a character that must be written encoded, or an empty or dotted segment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must begin with https://: the credentials would travel in the clear")
    return BaseUrl(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def _is_plain_path(path: str) -> bool:
    segments = path.strip("/").split("/")
    is_clean = path.isascii() and path.isprintable() and not set(path) & set(' "<>\\^`{|}')
    return is_clean and (segments == [""] or not {"", ".", ".."} & set(segments))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
