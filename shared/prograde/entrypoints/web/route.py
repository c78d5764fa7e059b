"""A line of the route table: who may call what, and the handler that answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import flask
from werkzeug.routing import BaseConverter

from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.ports import Caller
from prograde.use_cases.services import Services

UPLOAD = ("multipart/form-data",)
FORM = ("multipart/form-data", "application/x-www-form-urlencoded")
JSON = ("application/json",)
JSON_BYTES_MAX = 1_000_000
"""Of a body that is no upload."""


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request that may be answered: what to work with, and who sends it ("" where nobody can tell).

    `in_cloud` tells whether Google Cloud is paid for the answer.
    """

    services: Services
    request: flask.Request
    who: str
    in_cloud: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """
    One method of one path.

    `path` is a werkzeug rule whose variables have converters of CONVERTERS; `handler` gets them by their names.
    `takes` are the types of the body, none where it is not looked at; `gives` those of the answer.
    """

    method: str
    path: str
    caller: Caller
    handler: Callable[..., flask.Response]
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ("application/json",)
    body_bytes_max: int = JSON_BYTES_MAX


class Converter(BaseConverter):
    """What may stand in a path, by its regular expression and for the API's description."""

    schema: Mapping[str, object]


class BatchConverter(Converter):
    """A batch's id: a source's name, a date or not, and a digest."""

    regex = "[a-z0-9_-]{3,80}"
    schema: Mapping[str, object] = MappingProxyType({"type": "string", "pattern": f"^{regex}$"})


class ProfessionalConverter(Converter):
    """A professional's id: whatever a roster may hold, slashes too."""

    part_isolating = False
    regex = f"[^\\x00-\\x1f\\x7f]{{1,{KEY_LENGTH_MAX}}}?"
    schema: Mapping[str, object] = MappingProxyType({"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX})


class FileConverter(Converter):
    """The name of an exported file."""

    regex = r"[a-z0-9_]{1,60}\.(?:csv|json)"
    schema: Mapping[str, object] = MappingProxyType({"type": "string", "pattern": f"^{regex}$"})


class RunConverter(Converter):
    """The number of a grading run."""

    regex = "[1-9][0-9]{0,3}"
    schema: Mapping[str, object] = MappingProxyType({"type": "integer", "minimum": 1, "maximum": 9999})

    def to_python(self, value: str) -> int:
        """Read the number."""
        return int(value)


CONVERTERS: dict[str, type[Converter]] = {
    "batch": BatchConverter,
    "professional": ProfessionalConverter,
    "file": FileConverter,
    "run": RunConverter,
}
