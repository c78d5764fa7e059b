"""HTML from templates: escaped always, written once, with an entity tag so that asking again costs little."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

import flask
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from prograde import __version__
from prograde.domain.money import sides_text
from prograde.entrypoints.plan_text import duration_text

HTML = "text/html"
STATIC = {"prograde.css": "text/css", "prograde.js": "text/javascript", "icon.svg": "image/svg+xml"}

STATUS_LOOKS = {"complete": "good", "incomplete": "bad", "paused": "warn", "cancelled": ""}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of ours that a page names: its bytes, and the address that changes with them."""

    content: bytes
    mimetype: str
    address: str


@cache
def asset(name: str) -> Asset:
    """Read a file of STATIC."""
    content = (files("prograde.entrypoints.web") / "static" / name).read_bytes()
    return Asset(content, STATIC[name], f"/assets/{name}?v={sha256(content).hexdigest()[:12]}")


def rendered(template: str, values: Mapping[str, object], status: int = 200) -> flask.Response:
    """Answer with a page."""
    text = environment().get_template(template).render(values)
    response = flask.Response(text, status, mimetype=HTML)
    response.add_etag()
    return response


def see_other(address: str) -> flask.Response:
    """Answer a form that did its work: the browser goes to the address, and a reload posts nothing again."""
    return flask.Response("", 303, {"Location": address}, mimetype=HTML)


@cache
def environment() -> Environment:
    """Build the templates' environment: everything is escaped, and a name that is not there is a mistake."""
    made = Environment(
        loader=PackageLoader("prograde.entrypoints.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "number": number,
        "dollars": dollars,
        "whole_dollars": whole_dollars,
        "short_dollars": short_dollars,
        "moment": moment,
        "day": day,
        "duration": duration_text,
        "sides": sides_text,
        "size": size,
        "words": words,
        "counted": counted,
        "signed": signed,
        "share": share,
    }
    made.globals |= {"version": __version__, "static": lambda name: asset(name).address, "status_look": status_look}
    return made


def status_look(status: str) -> str:
    """Tell how a batch's status is coloured; what moves looks alive."""
    return STATUS_LOOKS.get(status, "live")


def number(value: float, decimals: int = 0) -> str:
    """Write 12345.67 as 12,346, or with decimals."""
    return f"{value:,.{decimals}f}"


def counted(count: int, thing: str) -> str:
    """Write how many there are of something: 1 hour, 72 hours."""
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


def signed(value: int) -> str:
    """Write a difference: +3, −2 or ±0."""  # noqa: RUF002  # a minus sign is as wide as a plus
    return "±0" if value == 0 else f"{value:+,}".replace("-", "−")  # noqa: RUF001  # as above


def share(part: float, whole: float) -> str:
    """Write a part of a whole in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "–"  # noqa: RUF001  # no value, not minus


def dollars(half_cents: int) -> str:
    """Write half cents as whole dollars and cents: $1,234,567.90."""
    cents = (half_cents + 1) // 2
    return f"${cents // 100:,}.{cents % 100:02}"


def whole_dollars(half_cents: int) -> str:
    """Write half cents as whole dollars, rounded down: a volume must not seem to reach what it misses."""
    return f"${half_cents // 200:,}"


def short_dollars(amount: float) -> str:
    """Write dollars for an axis: $5.5M."""
    for unit, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if amount >= unit:
            return f"${amount / unit:.4g}{letter}"
    return f"${amount:.4g}"


def moment(value: datetime, seconds: bool = False) -> Markup:  # noqa: FBT001, FBT002  # a filter's argument
    """Write a moment for people and machines."""
    text = f"{value:%Y-%m-%d %H:%M:%S}" if seconds else f"{value:%Y-%m-%d %H:%M}"
    return Markup('<time datetime="{}" class="nowrap">{} UTC</time>').format(value.isoformat(), text)


def day(value: date | None) -> str:
    """Write a day."""
    return "–" if value is None else value.isoformat()  # noqa: RUF001  # no value, not minus


def size(count: int) -> str:
    """Write a number of bytes."""
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def words(name: str) -> str:
    """Write a name of the code's as words."""
    return name.replace("_", " ")
