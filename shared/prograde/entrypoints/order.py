"""An order for a batch: everything is checked, and every mistake told, before anything starts."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, TypeVar

from prograde.adapters.listing_api.source import Source
from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.roster_csv import CleanRoster, clean_roster
from prograde.domain.batch import Parameters
from prograde.domain.effects import digest
from prograde.entrypoints.parameters import parse_parameters
from prograde.errors import InputError, Problem
from prograde.use_cases.start_batch import Order

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody gave, yet unread: reading any of it raises InputError when it is bad."""

    source_text: Callable[[], str]
    parameters: Callable[[], Mapping[str, Any]]
    roster: Callable[[], AbstractContextManager[BinaryIO]]
    idempotency_key: str = ""
    ordered_by: str = ""


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
            ordered_by=given.ordered_by,
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
