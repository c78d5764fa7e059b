"""The form for a new batch: what was typed, the parameters that it means, and each problem beside its field."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prograde.domain.batch import Batch, Parameters
from prograde.domain.grading import DEFAULT_RUBRIC, TIERS_MAX, Rubric
from prograde.entrypoints.parameters import ParametersModel
from prograde.errors import InputError, Problem

TIER_FIELDS = (
    "name",
    "minimum_volume",
    "minimum_sides",
    "minimum_active_listings",
    "maximum_days_since_last_sale",
)
SPARE_TIERS = 2
"""Empty lines below the tiers, to add some."""
LIMITS = ("page_limit", "failure_limit", "outage_patience_minutes", "promised_hours")
PLAIN_FIELDS = ("as_of", "cutoff", "attribution", *LIMITS)
SWITCHES = ("include_active", "early_stop")
OWN_FIELDS = ("source", "roster", "stored_roster", "tiers", "tiers_to_process", *PLAIN_FIELDS, *SWITCHES)

_LABELS = {
    "source": "Source",
    "roster": "Roster",
    "tiers": "Tiers",
    "tiers_to_process": "Page through",
    "as_of": "As of",
    "cutoff": "Cutoff",
    "include_active": "Ask for active listings",
    "page_limit": "Pages of each stage",
    "failure_limit": "Failures in a row",
    "outage_patience_minutes": "Patience with an outage",
    "promised_hours": "Promised within",
}
_TIER_LABELS = {
    "name": "name",
    "minimum_volume": "from volume",
    "minimum_sides": "from sides",
    "minimum_active_listings": "from active listings",
    "maximum_days_since_last_sale": "last sale within days",
}
_TIER_PROBLEM = re.compile(r"tiers\[(?P<line>\d+)\](?:\.(?P<field>\w+))?")

Errors = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form holds, as it was typed; a checkbox that is ticked is there."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def has(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return name in self.values

    @property
    def tier_lines(self) -> tuple[int, ...]:
        """The lines of the tiers that hold anything."""
        return tuple(
            line for line in range(TIERS_MAX) if any(self[tier_input(line, name)].strip() for name in TIER_FIELDS)
        )

    @property
    def tier_lines_shown(self) -> range:
        """The lines that are drawn: those in use and some spare ones."""
        return range(min(max((-1, *self.tier_lines)) + 1 + SPARE_TIERS, TIERS_MAX))

    def parameters(self) -> dict[str, Any]:
        """Give the parameters as people write them; an empty field is left at its default. Raises InputError."""
        given: dict[str, Any] = {name: text for name in PLAIN_FIELDS if (text := self[name].strip())}
        given |= {name: self.has(name) for name in SWITCHES}
        lines = self.tier_lines
        given["tiers"] = [
            {name: text for name in TIER_FIELDS if (text := self[tier_input(line, name)].strip())} for line in lines
        ]
        ticked = [line for line in lines if self.has(tier_input(line, "process"))]
        if lines and not ticked:
            raise InputError([Problem("tiers_to_process", None, "tick at least one tier")])
        if ticked != list(lines):
            given["tiers_to_process"] = [self[tier_input(line, "name")].strip() for line in ticked]
        return given

    def with_source_file_in_one(self, problems: Sequence[Problem]) -> list[Problem]:
        """Tell what is wrong with the source file in one problem of the source: nobody typed it here."""
        name = self["source"]
        in_file = [problem for problem in problems if self.input_of(problem) == "source" and problem.field != "source"]
        if not in_file:
            return list(problems)
        said = "; ".join(
            problem.remedy if problem.field == "source file" else f"{problem.field}: {problem.remedy}"
            for problem in in_file
        )
        told = Problem("source", name, f"The source file of {name} cannot be used: {said}")
        return [told, *(problem for problem in problems if problem not in in_file)]

    def input_of(self, problem: Problem) -> str:
        """Tell which input a problem stands beside; what no input is named for is the source file's."""
        if found := _TIER_PROBLEM.match(problem.field):
            lines = self.tier_lines
            line = int(found["line"])
            return tier_input(lines[line] if line < len(lines) else line, found["field"] or "name")
        name = problem.field.partition("[")[0]
        if name.startswith("roster"):
            return "roster"
        return name if name in OWN_FIELDS else "source"

    def label_of(self, problem: Problem) -> str:
        """Name what a problem is about, as the form does."""
        if found := _TIER_PROBLEM.match(problem.field):
            line = int(found["line"])
            name = self[tier_input(self.tier_lines[line], "name")].strip() if line < len(self.tier_lines) else ""
            label = _TIER_LABELS.get(found["field"] or "", "")
            return f"Tier {name or line + 1}{', ' if label else ''}{label}"
        return _LABELS.get(problem.field, problem.field)

    def errors(self, problems: Iterable[Problem]) -> Errors:
        """Sort problems by the inputs that they stand beside, in words."""
        sorted_in: defaultdict[str, list[str]] = defaultdict(list)
        for problem in problems:
            sorted_in[self.input_of(problem)].append(self._told(problem))
        return sorted_in

    def _told(self, problem: Problem) -> str:
        own = self.input_of(problem)
        about = "" if problem.field == own or own.startswith("tier-") else f"{problem.field}: "
        remedy = problem.remedy if about else problem.remedy[:1].upper() + problem.remedy[1:]
        return f"{about}{remedy}"


def tier_input(line: int, name: str) -> str:
    """Name the input of a tier's field."""
    return f"tier-{line}-{name}"


def fresh(parameters: Parameters | None = None, source: str = "") -> Typed:
    """Fill a form in with the defaults, or with the parameters of an earlier batch but for its dates."""
    given = parameters
    values: dict[str, str] = {
        "source": source,
        "attribution": "split" if given is None else given.attribution,
    }
    for name in LIMITS:
        values[name] = str(ParametersModel.model_fields[name].default if given is None else getattr(given, name))
    values |= {name: "on" for name in SWITCHES if given is None or getattr(given, name)}
    rubric = DEFAULT_RUBRIC if given is None else given.rubric
    processed = () if given is None else given.tiers_to_process
    return Typed(values | dict(_tier_values(rubric, processed)))


def like(batch: Batch, source: str) -> Typed:
    """Fill a form in as an earlier batch was ordered, its roster too, for today; `source` is the file of its source."""
    typed = fresh(batch.parameters, source)
    return Typed({**typed.values, "stored_roster": batch.batch_id})


def _tier_values(rubric: Rubric, processed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for line, tier in enumerate(rubric.tiers):
        half_sides = tier.minimum_half_sides
        yield tier_input(line, "name"), tier.name
        yield tier_input(line, "minimum_volume"), _dollars(tier.minimum_cents)
        yield tier_input(line, "minimum_sides"), "" if half_sides is None else f"{half_sides / 2:g}"
        yield tier_input(line, "minimum_active_listings"), _text(tier.minimum_active_listings)
        yield tier_input(line, "maximum_days_since_last_sale"), _text(tier.maximum_days_since_last_sale)
        if not processed or tier.name in processed:
            yield tier_input(line, "process"), "on"


def _dollars(cents: int) -> str:
    """Write an amount as people type it."""
    if not cents:
        return ""
    return f"{cents // 100:,}" + (f".{cents % 100:02}" if cents % 100 else "")


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
