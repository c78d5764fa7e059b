"""Who a professional is: the profile stage's record, normalised for people and CRMs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from prograde.domain.listing import parse_date, parse_key
from prograde.domain.money import cents

T = TypeVar("T")

TEXT_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class Statistics:
    """The production that a profile states of itself, where the source has it; None where it does not say."""

    half_cents: int | None = None
    half_sides: int | None = None
    active_count: int | None = None
    last_close: date | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A professional's profile; "" where the source says nothing."""

    agent_key: str = ""
    first_name: str = ""
    last_name: str = ""
    full_name: str = ""
    email: str = ""
    phone: str = ""
    office: str = ""
    city: str = ""
    state: str = ""
    license: str = ""
    statistics: Statistics = Statistics()


_TEXT_FIELDS = tuple(field for field in Profile.__dataclass_fields__ if field not in ("agent_key", "statistics"))


def parse_profile(record: Mapping[str, object]) -> Profile:
    """
    Turn a mapped record (Profile's field names, statistics as `stated_…`) into a Profile; never raises.

    A name given only whole is split at its first space, so that a suffix stays with the last name, as CRMs
    (Salesforce requires a last name) expect. Anything that is not text or a number reads as absent.
    """
    texts = {field: _text(record.get(field)) for field in _TEXT_FIELDS}
    if not texts["full_name"]:
        texts["full_name"] = f"{texts['first_name']} {texts['last_name']}".strip()
    if not texts["first_name"] and not texts["last_name"]:
        first, _, last = texts["full_name"].partition(" ")
        texts["first_name"], texts["last_name"] = (first, last) if last else ("", first)
    agent_key = _readable(lambda: parse_key(record.get("agent_key"), "agent_key"))
    return Profile(agent_key or "", **texts, statistics=_statistics(record))


def _statistics(record: Mapping[str, object]) -> Statistics:
    volume_cents = _hundredths(record, "stated_volume")
    side_hundredths = _hundredths(record, "stated_sides")
    active_hundredths = _hundredths(record, "stated_active")
    return Statistics(
        half_cents=None if volume_cents is None else volume_cents * 2,
        half_sides=None if side_hundredths is None else side_hundredths // 50,
        active_count=None if active_hundredths is None else active_hundredths // 100,
        last_close=_readable(lambda: parse_date(record.get("stated_last_close"), "stated_last_close")),
    )


def _hundredths(record: Mapping[str, object], field: str) -> int | None:
    return _readable(lambda: cents(record.get(field)))


def _readable(read: Callable[[], T | None]) -> T | None:
    """A value that cannot be read is one that the profile does not state: nobody's grade depends on it."""
    try:
        return read()
    except ValueError:
        return None


def _text(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, int) and (isinstance(value, bool) or abs(value) >= 10**TEXT_LENGTH_MAX):
        return ""
    if not isinstance(value, str | int | float):
        return ""
    # One line a value: a line break inside a name breaks naive CSV readers, a control character breaks CRMs.
    # Lone surrogates cannot be written as UTF-8 at all.
    printable = "".join(char if char.isprintable() else " " for char in str(value))
    return " ".join(printable.split())[:TEXT_LENGTH_MAX].rstrip()
