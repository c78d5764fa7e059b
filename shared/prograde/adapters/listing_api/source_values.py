"""The values of a source file, each checked where it stands: the checks' texts are what people read."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints, WithJsonSchema

from prograde.adapters.listing_api.base_url import parse_base_url
from prograde.adapters.listing_api.expressions import EXPRESSION_LENGTH_MAX, parse_expression
from prograde.adapters.listing_api.json_template import texts_of
from prograde.adapters.listing_api.secret import REFERENCE
from prograde.adapters.listing_api.templates import parse_template

_DURATION = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,7})S)?)?")
_BODY_PATH = re.compile(r"[^.\s]{1,100}(?:\.[^.\s]{1,100}){0,9}")
_INTERVAL_MAX = timedelta(days=31)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OUR_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds; raises ValueError with the remedy."""
    match = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(0) < length <= _INTERVAL_MAX:
        raise ValueError("must be an ISO 8601 duration up to 31 days, as PT1S, PT1M, PT1H or P1D")
    return length


def _base_url(text: str) -> str:
    parse_base_url(text)
    return text


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _expression(text: str) -> str:
    parse_expression(text)
    return text


def _template(text: str) -> str:
    parse_template(text)
    return text


def _profile_template(text: str) -> str:
    if "agent_key" in parse_template(text).names:
        raise ValueError("{agent_key} is read from the profile and not known before: use {professional_id}")
    return text


def _path(text: str) -> str:
    segments = text.split("/")
    if {"", ".", ".."} & set(segments) or set(text) & set("?#\\") or not text.isprintable():
        raise ValueError("must be a path below base_url as Property or agents/sold: no / at either end, no ? and no ..")
    return text


def _parameter(value: object) -> object:
    """Let numbers and true or false stand without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _body_path(text: str) -> str:
    if not _BODY_PATH.fullmatch(text):
        raise ValueError("must be keys parted by dots, as page.after")
    return text


def _json_body(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for text in texts_of(document):
        parse_template(text)
    return document


def _reference(text: str) -> str:
    if not REFERENCE.fullmatch(text):
        raise ValueError('must name an environment variable, as "${env:LISTING_TOKEN}": no secret stands in this file')
    return text


def refuse_header_name(name: str) -> None:
    """Raise ValueError for what is no header's name, or that of a header which is not the source file's to set."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name} is no header's name")
    if name.lower() in _OUR_HEADERS:
        raise ValueError(f"{name} is set by prograde itself: leave it out")


def _headers(headers: dict[str, str]) -> dict[str, str]:
    names = [name.lower() for name in headers]
    for name, value in headers.items():
        refuse_header_name(name)
        if names.count(name.lower()) > 1:
            raise ValueError(f"{name} is given twice")
        if name.lower() == "authorization":
            raise ValueError("Authorization comes from client.auth: leave it out here")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"{name} holds a character that no header can carry")
    return headers


Expression = Annotated[str, Field(max_length=EXPRESSION_LENGTH_MAX), AfterValidator(_expression)]
TemplateText = Annotated[str, Field(max_length=8_000), AfterValidator(_template)]
Path = Annotated[str, Field(max_length=500), AfterValidator(_path)]
_Scalar = WithJsonSchema({"type": ["string", "number", "boolean"]})
Parameter = Annotated[TemplateText, BeforeValidator(_parameter), _Scalar]
ProfileParameter = Annotated[TemplateText, AfterValidator(_profile_template), BeforeValidator(_parameter), _Scalar]
JsonBody = Annotated[dict[str, JsonValue], AfterValidator(_json_body)]
BodyPath = Annotated[str, AfterValidator(_body_path)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
BaseUrlText = Annotated[str, Field(max_length=2_000), AfterValidator(_base_url)]
Duration = Annotated[str, AfterValidator(_duration)]
SecretReference = Annotated[str, AfterValidator(_reference)]
Headers = Annotated[dict[str, Annotated[str, Field(max_length=8_000)]], Field(max_length=20), AfterValidator(_headers)]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
ListingPath = Annotated[Path, AfterValidator(_template)]
ProfilePath = Annotated[Path, AfterValidator(_profile_template)]
