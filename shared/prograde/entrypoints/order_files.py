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
    try:
        values = read_yaml(text) if text.strip() else {}
    except InputError as error:
        kept = [problem for problem in error.problems if not _is_of_an_amount(problem)]
        taken_apart = _amounts_taken_apart(text) if len(kept) < len(error.problems) else []
        raise InputError(
            Problem(f"{name}: {problem.field.replace('source file', 'file')}", problem.value, problem.remedy)
            for problem in ([*taken_apart, *kept] if taken_apart else error.problems)
        ) from error
    if _holds_rest_of_an_amount(values) and (taken_apart := _amounts_taken_apart(text)):
        raise InputError(replace(problem, field=f"{name}: {problem.field}") for problem in taken_apart)
    return values


def _amounts_taken_apart(text: str) -> list[Problem]:
    return [problem for problem in amounts_without_quotes(text) if "," in str(problem.value)]


def _holds_rest_of_an_amount(value: object) -> bool:
    """Tell whether an amount may have been taken apart: braces read `{volume: 40,000}` as 40, and a key 000."""
    if isinstance(value, dict):
        return any(inner is None and key[:1].isdigit() for key, inner in value.items()) or any(
            map(_holds_rest_of_an_amount, value.values())
        )
    return isinstance(value, list) and any(map(_holds_rest_of_an_amount, value))


def _is_of_an_amount(problem: Problem) -> bool:
    """Tell whether it may be the rest of an amount that stands twice as a key: braces read 40,000,000 so."""
    key = str(problem.value)
    return key[:1].isdigit() and problem.field.endswith(key)


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
