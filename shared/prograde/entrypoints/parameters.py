"""The parameters of a run, from YAML, `--set`, a form or JSON: every mistake at once."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from prograde.adapters.validation import problems_of
from prograde.domain.aggregation import Attribution
from prograde.domain.batch import (
    FAILURE_LIMIT_MAX,
    OUTAGE_PATIENCE_MINUTES_MAX,
    PAGE_LIMIT_MAX,
    PROMISED_HOURS_MAX,
    Parameters,
    default_cutoff,
    parameter_problems,
)
from prograde.domain.grading import DEFAULT_RUBRIC, Rubric, Tier
from prograde.errors import Problem

_TIER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _+-]{0,18}[A-Za-z0-9+-])?")
_DOLLARS_MAX = 999_999_999_999
_AMOUNT = re.compile(
    r"\$?\s?(?P<number>\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,9})?|\d{1,15}(?:\.\d{1,9})?)\s?(?P<unit>[a-z]{0,8})",
    re.IGNORECASE,
)
_ZEROS = {"": 0, "k": 3, "thousand": 3, "m": 6, "mm": 6, "million": 6, "b": 9, "bn": 9, "billion": 9}
_WITHOUT_QUOTES = re.compile(
    r"""(?<!\w)(?P<key>\w{1,40})["']?\s{0,9}:\s{0,9}(?P<amount>\$?\d[\d.,]{0,30}(?:\s?[a-z]{1,8})?)(?=\s{0,9}(?:,(?!\d)|\}))""",
    re.IGNORECASE,
)


def _iso_date(value: object) -> object:
    """Read ISO dates only: pydantic would read the number 20260630 as seconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("must be a date like 2026-06-30")


def _whole_number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004  # pydantic collects ValueErrors
    return value


def _amount(value: object) -> object:
    """Read "$40,000,000" too: that is how people write thresholds."""
    if isinstance(value, bool):
        raise ValueError("must be an amount in dollars")  # noqa: TRY004  # as above
    if not isinstance(value, str):
        return value
    digits = _in_digits(value)
    if digits is not None and value.strip()[-1].isalpha():
        raise ValueError(f"write {digits}")
    return value if digits is None else digits


def _in_digits(text: str) -> str | None:
    """Write $40M or 40,000,000 as 40000000; None for what cannot be read so."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found["unit"].lower() not in _ZEROS:
        return None
    return f"{Decimal(found['number'].replace(',', '')).scaleb(_ZEROS[found['unit'].lower()]).normalize():f}"


def amounts_without_quotes(text: str) -> list[Problem]:
    """Find what JSON takes for no number, and YAML's braces for several: 40,000,000 and $40M without quotes."""
    return [
        Problem(found["key"], found["amount"], f"write {digits}")
        for found in _WITHOUT_QUOTES.finditer(text)
        if (digits := _in_digits(found["amount"])) is not None and set(found["amount"]) - set("0123456789.")
    ]


def _tier_name(value: object) -> object:
    """A tier's name is also a file's."""
    if not isinstance(value, str) or not _TIER_NAME.fullmatch(value):
        raise ValueError("must be 1 to 20 letters, digits, spaces, + - or _")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Whole = Annotated[int, BeforeValidator(_whole_number)]
Dollars = Annotated[Decimal, BeforeValidator(_amount), Field(ge=0, le=_DOLLARS_MAX, decimal_places=2)]
Sides = Annotated[Decimal, BeforeValidator(_amount), Field(ge=0, le=1_000_000, multiple_of=Decimal("0.5"))]


class TierModel(BaseModel):
    """One tier as people write it; each criterion left out asks for nothing."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, BeforeValidator(_tier_name)]
    minimum_volume: Annotated[Dollars, Field(description="dollars, inclusive")] = Decimal(0)
    minimum_sides: Annotated[Sides | None, Field(description="sides, in halves, inclusive")] = None
    minimum_active_listings: Annotated[Whole, Field(ge=0, le=1_000_000)] | None = None
    maximum_days_since_last_sale: Annotated[Whole, Field(ge=0, le=36_500)] | None = None

    def tier(self) -> Tier:
        """Give the domain's tier."""
        return Tier(
            name=self.name,
            minimum_cents=int(self.minimum_volume * 100),
            minimum_half_sides=None if self.minimum_sides is None else int(self.minimum_sides * 2),
            minimum_active_listings=self.minimum_active_listings,
            maximum_days_since_last_sale=self.maximum_days_since_last_sale,
        )


class ParametersModel(BaseModel):
    """The parameters of a run as people write them; everything has a default."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[IsoDate | None, Field(description="grade as of the end of this day; default today")] = None
    cutoff: Annotated[IsoDate | None, Field(description="the first close date that counts; default as_of - 365 d")] = (
        None
    )
    tiers: Annotated[list[TierModel] | None, Field(description="best first; default A+ to F")] = None
    attribution: Attribution = Attribution.SPLIT
    include_active: bool = True
    tiers_to_process: Annotated[list[str], Field(description="tiers to page through; default all")] = []
    early_stop: bool = True
    failure_limit: Annotated[Whole, Field(ge=1, le=FAILURE_LIMIT_MAX, description="failures in a row")] = 5
    page_limit: Annotated[Whole, Field(ge=1, le=PAGE_LIMIT_MAX, description="pages of each stage")] = 19
    outage_patience_minutes: Annotated[
        Whole,
        Field(ge=0, le=OUTAGE_PATIENCE_MINUTES_MAX, description="how long the source may answer nobody"),
    ] = 180
    promised_hours: Annotated[
        Whole, Field(ge=1, le=PROMISED_HOURS_MAX, description="how long until the batch is called late")
    ] = 72

    def parameters(self, today: date) -> Parameters:
        """Give the domain's parameters."""
        as_of = self.as_of or today
        rubric = DEFAULT_RUBRIC if self.tiers is None else Rubric(tuple(tier.tier() for tier in self.tiers))
        return Parameters(
            as_of=as_of,
            cutoff=self.cutoff or default_cutoff(as_of),
            rubric=rubric,
            attribution=self.attribution,
            include_active=self.include_active,
            tiers_to_process=tuple(self.tiers_to_process),
            early_stop=self.early_stop,
            failure_limit=self.failure_limit,
            page_limit=self.page_limit,
            outage_patience_minutes=self.outage_patience_minutes,
            promised_hours=self.promised_hours,
        )


def parse_parameters(given: Mapping[str, Any], today: date) -> tuple[Parameters, list[Problem]]:
    """
    Read parameters, and name everything that is wrong with them.

    Keys that cannot be read are named and then left at their default, so that contradictions among the others are
    named in the same breath.
    """
    problems: list[Problem] = []
    try:
        model = ParametersModel.model_validate(given)
    except ValidationError as error:
        problems = list(problems_of(error, ParametersModel))
        unread = {finding["loc"][0] for finding in error.errors() if finding["loc"]}
        model = ParametersModel.model_validate({key: value for key, value in given.items() if key not in unread})
        parameters = model.parameters(today)
        # Without its tiers, nothing can be said of the names among them that are to be processed.
        untold = unread | ({"tiers_to_process"} if "tiers" in unread else set())
        contradictions = parameter_problems(parameters, today)
        return parameters, problems + [found for found in contradictions if _root(found.field) not in untold]
    parameters = model.parameters(today)
    return parameters, list(parameter_problems(parameters, today))


def _root(field: str) -> str:
    return re.split(r"[.\[]", field, maxsplit=1)[0]
