"""What every request has to pass before it is routed, and what every answer carries."""

from urllib.parse import urlsplit

import flask
from werkzeug.exceptions import Forbidden, MisdirectedRequest

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: with it a browser posts even our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def refuse_strangers(request: flask.Request, *, is_loopback: bool) -> None:
    """Refuse what a browser sends for another site: by another name of this machine, or from another origin."""
    if is_loopback and _host_name(request.host) not in LOOPBACK:
        raise MisdirectedRequest(f"this machine is not called {request.host[:80]!r}: use 127.0.0.1 or localhost")
    if request.method not in SAFE_METHODS and _is_cross_site(request):
        raise Forbidden("another site may not post here")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_cross_site(request: flask.Request) -> bool:
    """Tell by what browsers, and only browsers, say of where a request comes from."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != request.host


def guarded(response: flask.Response) -> flask.Response:
    """Put on what keeps a browser from doing more with an answer than it is for."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
