"""
OData's $filter: `eq ne gt ge lt le and or not`, parentheses, and a field compared with a literal.

A comparison with null is OData's: `eq null` and `ne null` test for absence, any ordering with null is false, and
`ne 'x'` holds where the field is absent. A literal must be of its field's type.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from prograde.sandbox.errors import BadRequestError
from prograde.sandbox.records import FieldType, Record, Resource, Value

FILTER_CHARACTERS_MAX = 4_096
FILTER_DEPTH_MAX = 32

# The parser has made sure that both sides have one type.
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
  | (?P<timestamp>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d{1,20}(?:\.\d{1,10})?)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<bracket>[()])
  | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a literal."""

    field: str
    operation: str
    literal: Value

    def matches(self, record: Record) -> bool:
        """Whether the record satisfies it."""
        value = record[self.field]
        if self.operation not in {"eq", "ne"} and (value is None or self.literal is None):
            return False
        return _OPERATORS[self.operation](value, self.literal)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds: `and`."""

    parts: tuple["Expression", ...]

    def matches(self, record: Record) -> bool:
        """Whether the record satisfies it."""
        return all(part.matches(record) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds: `or`."""

    parts: tuple["Expression", ...]

    def matches(self, record: Record) -> bool:
        """Whether the record satisfies it."""
        return any(part.matches(record) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Expression"

    def matches(self, record: Record) -> bool:
        """Whether the record satisfies it."""
        return not self.part.matches(record)


Expression: TypeAlias = Comparison | AllOf | AnyOf | Not


def required_keys(expression: Expression, indexed: frozenset[str]) -> frozenset[str] | None:
    """
    Keys of which a matching record holds at least one in an indexed field; None where nothing can be said.

    It only narrows the search: the filter must still be applied to what is found.
    """
    match expression:
        case Comparison(field=name, operation="eq", literal=str() as key) if name in indexed:
            return frozenset({key})
        case AllOf(parts=parts):
            known = [keys for part in parts if (keys := required_keys(part, indexed)) is not None]
            return min(known, key=len, default=None)
        case AnyOf(parts=parts):
            found = [required_keys(part, indexed) for part in parts]
            known = [keys for keys in found if keys is not None]
            return frozenset().union(*known) if len(known) == len(found) else None
        case _:
            return None


@lru_cache(maxsize=4_096)
def parse_filter(text: str, resource: Resource) -> Expression:
    """Read a $filter over a resource; raises BadRequestError saying what is wrong and where."""
    if len(text) > FILTER_CHARACTERS_MAX:
        raise BadRequestError(f"$filter is longer than {FILTER_CHARACTERS_MAX} characters", "$filter")
    return _Parser(tuple(_tokens(text)), resource).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].strip()
            what = "an unfinished string" if rest.startswith("'") else f"an unexpected {rest[0]!r}"
            raise BadRequestError(f"$filter has {what} at character {position + 1}", "$filter")
        kind = match.lastgroup or ""
        yield _Token(kind, match[kind], match.start(kind))
        if kind == "end":
            return
        position = match.end()


class _Parser:
    """Recursive descent over the tokens: `or` binds less than `and`, `and` less than `not`."""

    def __init__(self, tokens: tuple[_Token, ...], resource: Resource) -> None:
        self._tokens = tokens
        self._resource = resource
        self._next = 0
        self._depth = 0

    def parse(self) -> Expression:
        expression = self._any()
        if self._tokens[self._next].kind != "end":
            raise self._refusal("'and', 'or' or the end")
        return expression

    def _any(self) -> Expression:
        parts = [self._all()]
        while self._accept("or"):
            parts.append(self._all())
        return AnyOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def _all(self) -> Expression:
        parts = [self._one()]
        while self._accept("and"):
            parts.append(self._one())
        return AllOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self) -> Expression:
        self._depth += 1
        if self._depth > FILTER_DEPTH_MAX:
            raise BadRequestError(f"$filter is nested more than {FILTER_DEPTH_MAX} deep", "$filter")
        expression = self._negated_or_bracketed()
        self._depth -= 1
        return expression

    def _negated_or_bracketed(self) -> Expression:
        if self._accept("not"):
            return Not(self._one())
        if not self._accept("("):
            return self._comparison()
        expression = self._any()
        if not self._accept(")"):
            raise self._refusal("')'")
        return expression

    def _comparison(self) -> Expression:
        field = self._take("word", "a field")
        field_type = self._resource.fields.get(field.text)
        if field_type is None:
            raise BadRequestError(f"{self._resource.name} has no field {field.text!r}", field.text)
        operation = self._take("word", "an operator")
        if operation.text not in _OPERATORS:
            raise BadRequestError(
                f"$filter has the unknown operator {operation.text!r} at character {operation.position + 1}", "$filter"
            )
        return Comparison(field.text, operation.text, self._literal(field.text, field_type))

    def _literal(self, field: str, wanted: FieldType) -> Value:
        token = self._tokens[self._next]
        self._next += 1
        if token.kind == "word" and token.text == "null":
            return None
        types = {
            "text": FieldType.TEXT,
            "number": FieldType.NUMBER,
            "date": FieldType.DATE,
            "timestamp": FieldType.TIMESTAMP,
        }
        if token.kind not in types:
            self._next -= 1
            raise self._refusal("a value")
        if types[token.kind] is not wanted:
            raise BadRequestError(f"{field} is {wanted.value}, but {token.text} is {types[token.kind].value}", field)
        return _literal_value(token)

    def _accept(self, text: str) -> bool:
        token = self._tokens[self._next]
        if token.kind not in {"word", "bracket"} or token.text != text:
            return False
        self._next += 1
        return True

    def _take(self, kind: str, wanted: str) -> _Token:
        token = self._tokens[self._next]
        if token.kind != kind:
            raise self._refusal(wanted)
        self._next += 1
        return token

    def _refusal(self, wanted: str) -> BadRequestError:
        token = self._tokens[self._next]
        found = repr(token.text) if token.text else "the end"
        return BadRequestError(f"$filter needs {wanted} at character {token.position + 1}, but has {found}", "$filter")


def _literal_value(token: _Token) -> Value:
    try:
        match token.kind:
            case "number":
                return Decimal(token.text)
            case "date":
                return date.fromisoformat(token.text)
            case "timestamp":
                return datetime.fromisoformat(token.text).astimezone(UTC)
            case _:
                return token.text[1:-1].replace("''", "'")
    except (ValueError, OverflowError) as error:
        raise BadRequestError(f"$filter has {token.text}, which is no {token.kind}", "$filter") from error
