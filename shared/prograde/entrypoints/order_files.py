"""An order for a batch, from the files that a command line names."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from prograde.adapters.listing_api.source_yaml import read_yaml
from prograde.adapters.local.source_files import read_source
from prograde.entrypoints.order import Given
from prograde.entrypoints.parameters import amounts_without_quotes
from prograde.errors import InputError, Problem

NO_ROSTER = b"professional_id\nnobody\n"
"""Stands in for the roster where a source file is checked by itself."""


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

    return Given(lambda: read_source(source), read_parameters, read_roster, ordered_by="command line")


def _setting(setting: str) -> dict[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise InputError([Problem("--set", setting, "must be key=value")])
    return _mapping(f"{key.strip()}: {value}", f"--set {key.strip()}")


def _mapping(text: str, name: str) -> dict[str, Any]:
    """Read YAML as source files are read: each key once."""
    if taken_apart := [problem for problem in amounts_without_quotes(text) if "," in str(problem.value)]:
        raise InputError(replace(problem, field=f"{name}: {problem.field}") for problem in taken_apart)
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
