"""The command's options as values, each refused with a message that says how to write it."""

from collections.abc import Callable
from datetime import date
from typing import Generic, TypeVar

import click
from typing_extensions import override

_YEARS = range(1900, 2200)
_Value = TypeVar("_Value")


class Parsed(click.ParamType[_Value], Generic[_Value]):
    """What a function that raises ValueError makes of an option's text."""

    def __init__(self, parse: Callable[[str], _Value], name: str) -> None:
        self._parse = parse
        self.name = name

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> _Value:
        try:
            return self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_day(text: str) -> date:
    """Read a date that leaves room for a market's history."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date: write it as 2026-11-20") from error
    if day.year not in _YEARS:
        raise ValueError(f"{text!r} is out of range: its year must be {_YEARS[0]} to {_YEARS[-1]}")
    return day
