"""Structured queries: one collection, fields compared with values, orders, cursors, a limit. The rest is refused."""

from collections.abc import Callable, Iterable
from operator import eq, ge, gt, le, lt
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery

from tests.emulators.firestore.indexes import Indexes, Order
from tests.emulators.firestore.values import kind_of, name_key, sort_key
from tests.emulators.grpc_service import Message, invalid, raw

_OPERATORS: dict[int, Callable[[Any, Any], bool]] = {
    StructuredQuery.FieldFilter.Operator.EQUAL: eq,
    StructuredQuery.FieldFilter.Operator.LESS_THAN: lt,
    StructuredQuery.FieldFilter.Operator.LESS_THAN_OR_EQUAL: le,
    StructuredQuery.FieldFilter.Operator.GREATER_THAN: gt,
    StructuredQuery.FieldFilter.Operator.GREATER_THAN_OR_EQUAL: ge,
}
_DESCENDING = StructuredQuery.Direction.DESCENDING
_NAME = "__name__"
_SUPPORTED = {"select", "from_", "where", "order_by", "start_at", "end_at", "limit"}

QueryMessage = raw(StructuredQuery)


class Query:
    """A checked query."""

    def __init__(self, parent: str, message: Message, indexes: Indexes) -> None:
        unsupported = {field.name for field, _ in message.ListFields()} - _SUPPORTED
        selectors = message.from_
        if unsupported or len(selectors) != 1 or selectors[0].all_descendants or not selectors[0].collection_id:
            raise invalid(f"not stood in for: {sorted(unsupported) or 'more or less than one collection'}")
        collection = selectors[0].collection_id
        self._prefix = f"{parent}/{collection}/"
        self._filters = list(_filters(message.where))
        self.orders = self._orders(message)
        equal = {field for field, op, _ in self._filters if op is eq and field != _NAME}
        indexes.check(collection, equal, self.orders)
        self._start = _Cursor(message.start_at, self.orders) if message.HasField("start_at") else None
        self._end = _Cursor(message.end_at, self.orders) if message.HasField("end_at") else None
        self._limit = message.limit.value if message.HasField("limit") else None
        self.mask = [field.field_path for field in message.select.fields] if message.HasField("select") else None

    def run(self, documents: Iterable[Message]) -> list[Message]:
        """Select and order what the query asks for."""
        found = [document for document in documents if self._selects(document)]
        found.sort(key=self._place)
        found = [document for document in found if self._lies_within(document)]
        return found[: self._limit]

    def _orders(self, message: Message) -> tuple[Order, ...]:
        """Complete the stated orders: the field of an inequality first, the name last."""
        orders = [(order.field.field_path, order.direction == _DESCENDING) for order in message.order_by]
        unequal = {field for field, op, _ in self._filters if op is not eq}
        if len(unequal) > 1:
            raise invalid("inequalities on several fields are not stood in for")
        if unequal and not orders:
            orders = [(field, False) for field in unequal]
        if unequal and orders[0][0] not in unequal:
            raise invalid("the first order must be the field of the inequality")
        if _NAME not in [field for field, _ in orders]:
            orders.append((_NAME, orders[-1][1] if orders else False))
        if orders[-1][0] != _NAME:
            raise invalid("nothing is ordered below the name, which is unique")
        return tuple(orders)

    def _selects(self, document: Message) -> bool:
        rest = document.name.removeprefix(self._prefix)
        if rest == document.name or "/" in rest:
            return False
        if any(field != _NAME and field not in document.fields for field, _ in self.orders):
            return False
        return all(_holds(document, field, op, value) for field, op, value in self._filters)

    def _place(self, document: Message) -> tuple[Any, ...]:
        return tuple(
            _Reversed(_key(document, field)) if descends else _key(document, field) for field, descends in self.orders
        )

    def _lies_within(self, document: Message) -> bool:
        place = self._place(document)
        starts = self._start is None or self._start.is_passed_by(place)
        return starts and (self._end is None or not self._end.is_passed_by(place))


class _Cursor:
    """A position among the ordered documents."""

    def __init__(self, message: Message, orders: tuple[Order, ...]) -> None:
        if not message.values or len(message.values) > len(orders):
            raise invalid("a cursor needs at least one value, and at most one for each order")
        keys = []
        for value, (field, descends) in zip(message.values, orders, strict=False):
            if field == _NAME and kind_of(value) != "reference_value":
                raise invalid("a cursor on the name needs a reference")
            key = name_key(value.reference_value) if field == _NAME else sort_key(value)
            keys.append(_Reversed(key) if descends else key)
        self._place = tuple(keys)
        self._is_before = message.before

    def is_passed_by(self, place: tuple[Any, ...]) -> bool:
        shortened = place[: len(self._place)]
        return bool(shortened >= self._place if self._is_before else shortened > self._place)


class _Reversed:
    """A key in descending order."""

    __slots__ = ("_key",)

    def __init__(self, key: Any) -> None:
        self._key = key

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other._key < self._key)

    def __gt__(self, other: "_Reversed") -> bool:
        return bool(other._key > self._key)

    def __ge__(self, other: "_Reversed") -> bool:
        return bool(other._key >= self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(other._key == self._key)

    def __hash__(self) -> int:
        return hash(self._key)


def _filters(where: Message) -> Iterable[tuple[str, Callable[[Any, Any], bool], Message]]:
    match where.WhichOneof("filter_type"):
        case None:
            pass
        case "field_filter":
            operator = _OPERATORS.get(where.field_filter.op)
            if operator is None:
                raise invalid(f"operator {where.field_filter.op} is not stood in for")
            sort_key(where.field_filter.value)
            yield where.field_filter.field.field_path, operator, where.field_filter.value
        case "composite_filter" if where.composite_filter.op == StructuredQuery.CompositeFilter.Operator.AND:
            for part in where.composite_filter.filters:
                yield from _filters(part)
        case other:
            raise invalid(f"a {other} is not stood in for")


def _holds(document: Message, field: str, op: Callable[[Any, Any], bool], value: Message) -> bool:
    if field == _NAME:
        return op(name_key(document.name), name_key(value.reference_value))
    if field not in document.fields:
        return False
    stored = document.fields[field]
    return kind_of(stored) == kind_of(value) and op(sort_key(stored), sort_key(value))


def _key(document: Message, field: str) -> Any:
    return name_key(document.name) if field == _NAME else sort_key(document.fields[field])
