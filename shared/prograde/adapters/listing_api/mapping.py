"""From an answer's document to listings and profiles: select the records, map each by the source's fields."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import cast

from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression
from prograde.domain.listing import Listing, ListingStatus, Rejection, parse_columns, parse_listing
from prograde.domain.outcome import NotFound, ProfilePage, Refusal, Refused
from prograde.domain.profile import parse_profile

RECORDS_MAX = 100_000
"""Of one page: what a paginator's limit may ask for. Each record is kept, and a body may hold millions of zeros."""


class RecordMapper:
    """Reads our fields from a source's records."""

    def __init__(self, fields: Mapping[str, Expression]) -> None:
        # Fifty records of a dozen fields a page: plain keys are looked up without a line of Python for each.
        self._keys = [(field, expression.key) for field, expression in fields.items() if expression.key is not None]
        self._others = [(field, expression) for field, expression in fields.items() if expression.key is None]

    def read(self, record: Mapping[str, object]) -> dict[str, object]:
        """Map a record; raises ValueError for the first expression that does not fit it."""
        get = record.get
        mapped = {field: get(key) for field, key in self._keys}
        for field, expression in self._others:
            try:
                mapped[field] = expression.read(record)
            except ValueError as error:
                raise ValueError(f"{field}: {error}") from None
        return mapped

    def columns(self, records: Sequence[dict[str, object]]) -> dict[str, Sequence[object]]:
        """Map records by column; raises ValueError where an expression does not fit one of them."""
        columns: dict[str, Sequence[object]] = {
            field: list(map(dict.get, records, repeat(key))) for field, key in self._keys
        }
        for field, expression in self._others:
            columns[field] = [expression.read(record) for record in records]
        return columns


class ListingMapper:
    """Reads a page of listings; `default_status` where the source maps no status."""

    def __init__(
        self, data_selector: Expression, fields: Mapping[str, Expression], default_status: ListingStatus
    ) -> None:
        self._data_selector = data_selector
        self._record = RecordMapper(fields)
        self._default_status = default_status

    def read(self, document: object) -> tuple[Listing | Rejection, ...]:
        """Read the records; raises UnusableAnswerError where they are no list: only an empty list is an empty page."""
        found = _select(self._data_selector, document)
        if not isinstance(found, list):
            raise UnusableAnswerError("malformed", f"data_selector {self._data_selector.text} finds no list")
        if len(found) > RECORDS_MAX:
            raise UnusableAnswerError("too_large", f"the page holds more than {RECORDS_MAX:,} records")
        return self._usual(found) or tuple(self._listing(record) for record in found)

    def _usual(self, found: Sequence[object]) -> tuple[Listing, ...] | None:
        """Read a page of nothing but usual listings at once."""
        if set(map(type, found)) != {dict}:
            return None
        try:
            columns = self._record.columns(cast("Sequence[dict[str, object]]", found))
        except ValueError:
            return None
        return parse_columns(columns, len(found), self._default_status)

    def _listing(self, record: object) -> Listing | Rejection:
        if not isinstance(record, dict):
            return Rejection("", "not an object")
        try:
            mapped = self._record.read(record)
        except ValueError as error:
            return Rejection("", str(error))
        return parse_listing(mapped, self._default_status)


class ProfileMapper:
    """Reads a profile."""

    def __init__(self, data_selector: Expression, fields: Mapping[str, Expression]) -> None:
        self._data_selector = data_selector
        self._collection = data_selector.collection
        self._record = RecordMapper(fields)

    def read(self, document: object) -> ProfilePage | NotFound | Refused:
        """
        Read the record: an empty list means that the professional is not known, and nothing at all may mean that.

        Raises UnusableAnswerError for an answer that only looks like that: a missing list, or a record with none
        of the mapped fields.
        """
        if self._collection is not None and not isinstance(_select(self._collection, document), list):
            raise UnusableAnswerError(
                "malformed", f"data_selector {self._data_selector.text} finds no list to pick from"
            )
        found = _select(self._data_selector, document)
        if found is None and self._collection is None:
            return Refused(Refusal.NOT_FOUND, f"data_selector {self._data_selector.text} finds nothing")
        if found is None:
            return NotFound()
        if not isinstance(found, dict):
            raise UnusableAnswerError("malformed", f"data_selector {self._data_selector.text} finds no object")
        try:
            mapped = self._record.read(found)
        except ValueError as error:
            raise UnusableAnswerError("malformed", str(error)) from None
        if mapped and all(value is None for value in mapped.values()):
            raise UnusableAnswerError("malformed", "the profile has none of the mapped fields")
        return ProfilePage(parse_profile(mapped))


def _select(expression: Expression, document: object) -> object:
    try:
        return expression.read(document)
    except ValueError as error:
        raise UnusableAnswerError("malformed", f"data_selector: {error}") from None
