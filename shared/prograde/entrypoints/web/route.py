"""A line of the route table: who may call what, and the handler that answers."""

from collections.abc import Callable
from dataclasses import dataclass

import flask
from werkzeug.routing import BaseConverter

from prograde.domain.listing import KEY_LENGTH_MAX
from prograde.ports import Caller
from prograde.use_cases.services import Services

FORM = ("multipart/form-data", "application/x-www-form-urlencoded")
JSON = ("application/json",)
JSON_BYTES_MAX = 1_000_000
"""Of a body that is no upload."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be answered: what to work with, and who sends it ("" where nobody can tell)."""

    services: Services
    request: flask.Request
    who: str


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


class BatchConverter(BaseConverter):
    """A batch's id: a source's name, a date or not, and a digest."""

    regex = "[a-z0-9_-]{3,80}"


class ProfessionalConverter(BaseConverter):
    """A professional's id: whatever a roster may hold, slashes too."""

    part_isolating = False
    regex = f"[^\\x00-\\x1f\\x7f]{{1,{KEY_LENGTH_MAX}}}?"


class FileConverter(BaseConverter):
    """The name of an exported file."""

    regex = r"[a-z0-9_]{1,60}\.(?:csv|json)"


class RunConverter(BaseConverter):
    """The number of a grading run."""

    regex = "[1-9][0-9]{0,3}"

    def to_python(self, value: str) -> int:
        """Read the number."""
        return int(value)


CONVERTERS: dict[str, type[BaseConverter]] = {
    "batch": BatchConverter,
    "professional": ProfessionalConverter,
    "file": FileConverter,
    "run": RunConverter,
}
