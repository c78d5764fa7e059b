"""Which indexes exist: a query that needs another one is refused, as it is in the cloud and in no emulator."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from tests.emulators.grpc_service import RefusalError

Order = tuple[str, bool]
"""A field and whether it descends."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """The composite indexes and the fields exempt from the automatic ones, each by collection."""

    composite: frozenset[tuple[str, tuple[Order, ...]]] = frozenset()
    exempt: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def from_file(cls, path: Path) -> "Indexes":
        """Read Firestore's own index file."""
        declared: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            frozenset(
                (
                    index["collectionGroup"],
                    tuple((field["fieldPath"], field["order"] == "DESCENDING") for field in index["fields"]),
                )
                for index in declared["indexes"]
            ),
            frozenset(
                (field["collectionGroup"], field["fieldPath"])
                for field in declared["fieldOverrides"]
                if not field["indexes"]
            ),
        )

    def check(self, collection: str, equal: set[str], orders: tuple[Order, ...]) -> None:
        """Refuse a query (its fields compared for equality, its orders with the name last) that no index serves."""
        sorting, (_, name_descends) = orders[:-1], orders[-1]
        used = {*equal, *(field for field, _ in sorting)}
        lacking = sorted(field for field in used if (collection, field) in self.exempt)
        if lacking:
            raise _missing(f"{collection}.{lacking[0]} is exempt from indexing")
        # Any number of equalities merge their automatic indexes; so does a single order, in either direction.
        if not sorting and not name_descends:
            return
        if len(sorting) == 1 and not equal and sorting[0][1] == name_descends:
            return
        for at, fields in self.composite:
            leading, rest = fields[: len(equal)], fields[len(equal) :]
            if at == collection and {name for name, _ in leading} == equal and rest in (sorting, orders):
                return
        raise _missing(f"{collection} by {sorted(equal)} in order of {orders}")


def _missing(what: str) -> RefusalError:
    return RefusalError(grpc.StatusCode.FAILED_PRECONDITION, f"The query requires an index: {what}")
