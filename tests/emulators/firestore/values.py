"""Firestore's values: in what order they stand, and how many bytes they take."""

from typing import Any

from tests.emulators.grpc_service import Message, invalid

Value = Message

_ORDER = (
    "null_value",
    "boolean_value",
    "number",
    "timestamp_value",
    "string_value",
    "bytes_value",
    "reference_value",
)


def kind_of(value: Value) -> str:
    """Name the type by which a value is compared: integers and doubles are one."""
    kind = str(value.WhichOneof("value_type"))
    return "number" if kind in {"integer_value", "double_value"} else kind


def sort_key(value: Value) -> tuple[int, Any]:
    """Place a value among all values; a value whose order is not stood in for is refused."""
    kind = kind_of(value)
    if kind not in _ORDER:
        raise invalid(f"no query compares a {kind} here")
    content: Any
    match value.WhichOneof("value_type"):
        case "null_value":
            content = 0
        case "timestamp_value":
            content = (value.timestamp_value.seconds, value.timestamp_value.nanos)
        case "string_value":
            content = value.string_value.encode()
        case "reference_value":
            content = name_key(value.reference_value)
        case other:
            content = getattr(value, str(other))
    return _ORDER.index(kind), content


def name_key(name: str) -> tuple[bytes, ...]:
    """Place a document's name: segment by segment, by UTF-8 bytes."""
    return tuple(segment.encode() for segment in name.split("/"))


def size_of(value: Value) -> int:
    """Count a value's bytes as the documentation of storage sizes does."""
    kind = value.WhichOneof("value_type")
    match kind:
        case "null_value" | "boolean_value":
            return 1
        case "integer_value" | "double_value" | "timestamp_value":
            return 8
        case "string_value":
            return len(value.string_value.encode()) + 1
        case "bytes_value":
            return len(value.bytes_value)
        case "reference_value":
            return name_size(value.reference_value)
        case "array_value":
            return sum(size_of(item) for item in value.array_value.values)
        case "map_value":
            return sum(len(key.encode()) + 1 + size_of(item) for key, item in value.map_value.fields.items())
        case "geo_point_value":
            return 16
        case _:
            raise invalid("a value without a type")


def name_size(name: str) -> int:
    """Count a document name's bytes: those below the database, and sixteen."""
    return sum(len(segment.encode()) + 1 for segment in name.split("/")[5:]) + 16
