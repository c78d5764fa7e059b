"""An order for a batch, from files or a form: everything is checked, and every mistake told, before anything starts."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import flask
import orjson

from prograde.adapters.listing_api.source import Source
from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.listing_api.source_yaml import TEXT_LENGTH_MAX, read_yaml
from prograde.adapters.local.source_files import read_source
from prograde.adapters.roster_csv import CleanRoster, clean_roster
from prograde.domain.batch import Parameters
from prograde.domain.effects import digest
from prograde.entrypoints.parameters import parse_parameters
from prograde.errors import InputError, Problem
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order

T = TypeVar("T")
BRACKETS_MAX = 100
"""Of the parameters as JSON: twice as many as the largest rubric takes."""
NO_ROSTER = b"professional_id\nnobody\n"
"""Stands in for the roster where a source file is checked by itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody gave, yet unread: reading any of it raises InputError when it is bad."""

    source_text: Callable[[], str]
    parameters: Callable[[], Mapping[str, Any]]
    roster: Callable[[], AbstractContextManager[BinaryIO]]
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """An order that can be started, its source, and what is to be said of its roster."""

    order: Order
    source: Source
    notes: tuple[str, ...]


@contextmanager
def checked_order(given: Given, today: date, env: Mapping[str, str]) -> Iterator[CheckedOrder]:
    """Lend the order if everything about it is right; raises InputError with every problem at once."""
    mistakes = _Mistakes()
    with ExitStack() as stack:
        text = mistakes.of(given.source_text)
        source = None if text is None else mistakes.of(lambda: load_source(text, env))
        values = mistakes.of(given.parameters)
        parameters = None if values is None else mistakes.of(lambda: _parameters(values, today, source))
        roster = mistakes.of(lambda: _roster(stack, given))
        if text is None or source is None or parameters is None or roster is None:
            raise InputError(mistakes.problems)
        order = Order(
            source=source.name,
            source_text=text,
            parameters=parameters,
            roster=roster.lines,
            professionals=roster.professionals,
            roster_sha256=roster.sha256,
            sha256=digest(text, roster.sha256, json.dumps(values, sort_keys=True, default=str)),
            idempotency_key=given.idempotency_key,
        )
        yield CheckedOrder(order, source, roster.notes)


class _Mistakes:
    """Collects problems, so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def of(self, read: Callable[[], T]) -> T | None:
        """Read something; None, and its problems kept, when it is bad."""
        try:
            return read()
        except InputError as error:
            self.problems += error.problems
            return None


def _parameters(given: Mapping[str, Any], today: date, source: Source | None) -> Parameters:
    parameters, problems = parse_parameters(given, today)
    if source is not None and parameters.include_active and not source.has_active:
        problems.append(
            Problem("include_active", True, f"source {source.name} has no active stage: set it to false")  # noqa: FBT003  # the value
        )
    if problems:
        raise InputError(problems)
    return parameters


def _roster(stack: ExitStack, given: Given) -> CleanRoster:
    return stack.enter_context(clean_roster(stack.enter_context(given.roster())))


def given_files(
    source: Path, roster: Path | None, parameters: Path | None, settings: Sequence[str], as_of: str | None
) -> Given:
    """Take what the command line names; `--set` wins over the file, `--as-of` over both; no roster, none checked."""

    def read_parameters() -> dict[str, Any]:
        values = {} if parameters is None else _mapping(_read(parameters, "parameters"), "parameters")
        for setting in settings:
            values.update(_setting(setting))
        return values if as_of is None else {**values, "as_of": as_of}

    def read_roster() -> AbstractContextManager[BinaryIO]:
        return nullcontext(BytesIO(NO_ROSTER)) if roster is None else _open(roster, "roster")

    return Given(lambda: read_source(source), read_parameters, read_roster)


def _setting(setting: str) -> dict[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise InputError([Problem("--set", setting, "must be key=value")])
    return _mapping(f"{key.strip()}: {value}", f"--set {key.strip()}")


def _mapping(text: str, name: str) -> dict[str, Any]:
    """Read YAML as source files are read: each key once."""
    try:
        return read_yaml(text) if text.strip() else {}
    except InputError as error:
        raise InputError(
            Problem(f"{name}: {problem.field.replace('source file', 'file')}", problem.value, problem.remedy)
            for problem in error.problems
        ) from error


def _read(path: Path, field: str) -> str:
    with _open(path, field) as file:
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError([Problem(field, str(path), "must be UTF-8 text")]) from error


def _open(path: Path, field: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError([Problem(field, str(path), f"cannot be read: {error.strerror}")]) from error


@contextmanager
def order_from_form(request: flask.Request, services: Services) -> Iterator[Order]:
    """
    Take a posted form: fields `source` (a known source's name) and `parameters` (JSON, optional), file `roster`.

    Raises NotFoundError for an unknown source.
    """
    name = request.form.get("source", "")
    upload = request.files.get("roster")
    text = services.catalog.text(name)

    def read_parameters() -> dict[str, Any]:
        sent = request.form.get("parameters", "") or "{}"
        # What is nested without end could be read, but not shown to whoever sent it.
        if len(sent) > TEXT_LENGTH_MAX or sent.count("[") + sent.count("{") > BRACKETS_MAX:
            remedy = f"must have at most {TEXT_LENGTH_MAX:,} characters and {BRACKETS_MAX} lists and objects"
            raise InputError([Problem("parameters", sent[:80], remedy)])
        try:
            values = orjson.loads(sent)
        except orjson.JSONDecodeError as error:
            raise InputError([Problem("parameters", sent[:80], f"is no JSON: {error}")]) from error
        if not isinstance(values, dict):
            raise InputError([Problem("parameters", sent[:80], "must be a JSON object")])
        return values

    def read_roster() -> AbstractContextManager[BinaryIO]:
        if upload is None:
            raise InputError([Problem("roster", None, "send a CSV file in the form's field roster")])
        return nullcontext(cast("BinaryIO", upload.stream))

    given = Given(lambda: text, read_parameters, read_roster, request.headers.get("Idempotency-Key", ""))
    with checked_order(given, services.clock.now().date(), os.environ) as checked:
        yield checked.order
