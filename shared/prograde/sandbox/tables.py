"""One resource's records, and what a query finds among them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from prograde.sandbox.filters import Expression, required_keys
from prograde.sandbox.query_options import OrderKey
from prograde.sandbox.records import Record, Resource, encode_record

_QUERIES_REMEMBERED = 4_096
_RECORDS_REMEMBERED = 65_536


class Table:
    """
    The records of one resource, in the order of their keys; they never change.

    So a query's rows are found once however many pages they fill, and a record is encoded once for each selection.
    """

    def __init__(self, resource: Resource, records: Iterable[Record]) -> None:
        self.resource = resource
        self._records = sorted(records, key=lambda record: str(record[resource.key]))
        self._positions = _index(self._records, resource.indexed)
        self.find = lru_cache(_QUERIES_REMEMBERED)(self._find)
        self.encode = lru_cache(_RECORDS_REMEMBERED)(self._encode)

    def __len__(self) -> int:
        return len(self._records)

    def position_of(self, key: str) -> int | None:
        """Where the record with this key is, if there is one."""
        for position in self._positions.get(key, ()):
            if self._records[position][self.resource.key] == key:
                return position
        return None

    def _find(self, expression: Expression | None, order: tuple[OrderKey, ...]) -> Sequence[int]:
        """The positions of the records that match, in order; those that are equal stay in the order of their keys."""
        positions: Sequence[int] = [
            position
            for position in self._candidates(expression)
            if expression is None or expression.matches(self._records[position])
        ]
        for key in reversed(order):  # each sort is stable, so the first key has the last word
            positions = self._sorted(positions, key)
        return positions

    def _encode(self, position: int, fields: tuple[str, ...]) -> str:
        """One record as JSON text."""
        return encode_record(self._records[position], fields)

    def _candidates(self, expression: Expression | None) -> Iterable[int]:
        keys = None if expression is None else required_keys(expression, self.resource.indexed)
        if keys is None:
            return range(len(self._records))
        return sorted({position for key in keys for position in self._positions.get(key, ())})

    def _sorted(self, positions: Sequence[int], key: OrderKey) -> Sequence[int]:
        """Nulls come last in both directions."""
        valued = [(self._records[position][key.field], position) for position in positions]
        present = [pair for pair in valued if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=key.is_descending)  # type: ignore[arg-type,return-value]
        return [position for _, position in present] + [position for value, position in valued if value is None]


def _index(records: Sequence[Record], fields: frozenset[str]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for position, record in enumerate(records):
        for key in {value for field in fields if isinstance(value := record[field], str)}:
            positions.setdefault(key, []).append(position)
    return positions
