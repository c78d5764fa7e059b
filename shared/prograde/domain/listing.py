"""A listing, and how a source's mapped record becomes one or is rejected with its reason."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache, partial
from itertools import repeat
from types import NoneType
from typing import NamedTuple, cast

from prograde.domain.money import CENTS_MAX, cents

KEY_LENGTH_MAX = 255
"""The length of ListingKey and MemberKey in the RESO Data Dictionary."""


class ListingStatus(StrEnum):
    """What a listing is to a grade; RESO's closed list of eleven folds into three."""

    ACTIVE = "active"
    CLOSED = "closed"
    OTHER = "other"


_KEY_INTEGER_MAX = 10**18
# Neither stores nor warehouses hold these: a NUL ends strings, a lone surrogate is no UTF-8.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DATE_LENGTH = len("2026-10-29T")
_WORD_LENGTH_MAX = 255
_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ]?", re.ASCII)
_CLOSED_WORDS = frozenset({"closed", "sold", "settled"})


class Listing(NamedTuple):
    """
    One listing, normalised: prices in cents, agents as keys, None where the source says nothing.

    A closed listing always has a close date; an absent or zero close price means that the price is not disclosed.
    A tuple, because there are fifty on a page: it is made in a tenth of the time that a frozen dataclass takes.
    """

    key: str
    status: ListingStatus
    is_sale: bool
    list_price_cents: int | None
    close_price_cents: int | None
    close_date: date | None
    list_agent: str | None
    co_list_agent: str | None
    buyer_agent: str | None
    co_buyer_agent: str | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that is not a listing: its key as far as it can be told, and why."""

    key: str
    reason: str


_TEXT_TYPES = (str, NoneType)
_KEY_TYPES = (str, int, NoneType)
_PRICE_TYPES = (str, int, float, NoneType)
_PRICE_MAX = CENTS_MAX // 100
_AGENTS = ("list_agent", "co_list_agent", "buyer_agent", "co_buyer_agent")
_listing_of = partial(tuple.__new__, Listing)
"""As `Listing._make`, which checks the number of fields of each."""


def parse_listing(record: Mapping[str, object], default_status: ListingStatus) -> Listing | Rejection:
    """
    Turn a mapped record (this module's field names -> the source's values) into a Listing or a Rejection.

    `default_status` serves a source whose path implies the status, so that it maps no `status` field at all; a
    record whose mapped status is missing is rejected, because Closed and Withdrawn differ by millions.
    Never raises, whatever the record holds.
    """
    try:
        return _parse(record, default_status)
    except ValueError as error:
        return Rejection(key=_shown_key(record.get("key")), reason=str(error))


def _parse(record: Mapping[str, object], default_status: ListingStatus) -> Listing:
    status = _status(record["status"], "status") if "status" in record else default_status
    close_date = parse_date(record.get("close_date"), "close_date")
    if status is ListingStatus.CLOSED and close_date is None:
        raise ValueError("close_date: missing on a closed listing")
    return Listing(
        key=parse_key(record.get("key"), "key") or _missing("key"),
        status=status,
        is_sale=_is_sale(record.get("property_type"), "property_type"),
        list_price_cents=_price(record.get("list_price"), "list_price"),
        close_price_cents=_price(record.get("close_price"), "close_price"),
        close_date=close_date,
        list_agent=parse_key(record.get("list_agent"), "list_agent"),
        co_list_agent=parse_key(record.get("co_list_agent"), "co_list_agent"),
        buyer_agent=parse_key(record.get("buyer_agent"), "buyer_agent"),
        co_buyer_agent=parse_key(record.get("co_buyer_agent"), "co_buyer_agent"),
    )


def parse_columns(
    columns: Mapping[str, Sequence[object]], records: int, default_status: ListingStatus
) -> tuple[Listing, ...] | None:
    """
    Turn a page of so many mapped records, given by column, into what `parse_listing` makes of each.

    A page repeats most of its values, so each is read once: half the time. None where a record may be rejected, or a
    value is of no usual type: then each record is to be read by itself.
    """

    def column(field: str, types: Collection[type], parse: Callable[[object, str], object]) -> Sequence[object]:
        values = columns.get(field) or [None] * records
        if not set(map(type, values)).issubset(types):
            raise ValueError(f"{field}: of no usual type")
        distinct = set(values)
        table = dict(zip(distinct, map(parse, distinct, repeat(field)), strict=True))
        return list(map(table.__getitem__, values))

    def key_column(field: str) -> Sequence[object]:
        values = columns.get(field, ())
        return values if _are_plain_keys(values) else column(field, _KEY_TYPES, parse_key)

    try:
        keys = key_column("key")
        statuses = column("status", _TEXT_TYPES, _status) if "status" in columns else [default_status] * records
        close_dates = column("close_date", _TEXT_TYPES, parse_date)
        fields = (
            keys,
            statuses,
            column("property_type", _TEXT_TYPES, _is_sale),
            column("list_price", _PRICE_TYPES, _price),
            column("close_price", _PRICE_TYPES, _price),
            close_dates,
            *map(key_column, _AGENTS),
        )
    except ValueError:
        return None
    is_whole = None not in keys and (ListingStatus.CLOSED, None) not in zip(statuses, close_dates, strict=True)
    return tuple(map(_listing_of, zip(*fields, strict=True))) if is_whole else None


def _are_plain_keys(values: Sequence[object]) -> bool:
    """Whether all are what nearly every key is, if it is there: a text with nothing to strip and nothing to refuse."""
    if set(map(type, values)) - {NoneType} != {str}:
        return False
    texts = cast("set[str]", set(values) - {None})
    joined = "".join(texts)
    return joined.isalnum() and joined.isascii() and "" not in texts and max(map(len, texts)) <= KEY_LENGTH_MAX


def _missing(field: str) -> str:
    raise ValueError(f"{field}: missing")


def parse_key(value: object, field: str) -> str | None:
    """Read a listing's or an agent's key, a text or an integer; None where it is absent. Raises ValueError."""
    if value is None:
        return None
    if type(value) is int and abs(value) < _KEY_INTEGER_MAX:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{field}: not a key")  # noqa: TRY004  # a ValueError is what a rejection is made of
    value = value.strip()
    if len(value) > KEY_LENGTH_MAX:
        raise ValueError(f"{field}: longer than {KEY_LENGTH_MAX}")
    if _UNWRITABLE.search(value):
        raise ValueError(f"{field}: has a control character")
    return value or None


def _shown_key(value: object) -> str:
    """The key of a record that is rejected, as far as it can be written: for people, never for counting."""
    if type(value) is int and abs(value) < _KEY_INTEGER_MAX:
        return str(value)
    return _UNWRITABLE.sub("?", value[:KEY_LENGTH_MAX]) if isinstance(value, str) else ""


def fold(word: str) -> str:
    """Drop case, spaces and underscores: RESO spells one value "ActiveUnderContract" and "Active Under Contract"."""
    return word.replace(" ", "").replace("_", "").casefold()


def _status(value: object, field: str) -> ListingStatus:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field}: missing")
    return _status_of_word(value) if len(value) <= _WORD_LENGTH_MAX else ListingStatus.OTHER


# A feed has a handful of words for status and type and some hundred dates: what one record taught serves the next.
@lru_cache(maxsize=256)
def _status_of_word(value: str) -> ListingStatus:
    word = fold(value)
    if word in _CLOSED_WORDS:
        return ListingStatus.CLOSED
    return ListingStatus.ACTIVE if word == "active" else ListingStatus.OTHER


def _is_sale(property_type: object, _: str) -> bool:
    """RESO closes a lease with the same status as a sale; only the property type tells them apart."""
    return not isinstance(property_type, str) or _is_type_of_sale(property_type[-_WORD_LENGTH_MAX:])


@lru_cache(maxsize=256)
def _is_type_of_sale(property_type: str) -> bool:
    return not fold(property_type).endswith(("lease", "leases", "rental", "rentals"))


def _price(value: object, field: str) -> int | None:
    if type(value) is int and 0 < value <= _PRICE_MAX:
        return value * 100  # what nearly every price is
    try:
        return cents(value) or None
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


def parse_date(value: object, field: str) -> date | None:
    """Read "2026-10-29", alone or at the head of a timestamp; None where it is absent. Raises ValueError."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{field}: not a date")  # noqa: TRY004  # as above
    try:
        # Only the head is remembered: what follows a day may be of any length.
        return _date_of_text(value[:_DATE_LENGTH])
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


@lru_cache(maxsize=4096)
def _date_of_text(value: str) -> date:
    parts = _ISO_DATE.fullmatch(value)
    if parts is None:
        raise ValueError("not a date")
    try:
        return date.fromisoformat(parts[1])
    except ValueError:
        raise ValueError("no day of the calendar") from None
