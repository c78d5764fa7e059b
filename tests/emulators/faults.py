"""Failures on demand."""

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Code = TypeVar("Code")


class Faults(Generic[Code]):
    """The next calls of an operation fail, before they do anything or after they did it all."""

    def __init__(self, refusal: Callable[[Code], Exception]) -> None:
        self._refusal = refusal
        self._guard = threading.Lock()
        self._planned: list[tuple[str, str, Exception]] = []
        self.calls: dict[str, int] = {}

    def fail(self, operation: str, code: Code, *, times: int = 1, when: str = "before") -> None:
        with self._guard:
            self._planned += [(operation, when, self._refusal(code))] * times

    def check(self, operation: str, when: str) -> None:
        with self._guard:
            if when == "before":
                self.calls[operation] = self.calls.get(operation, 0) + 1
            for index, (planned, at, refusal) in enumerate(self._planned):
                if (planned, at) == (operation, when):
                    del self._planned[index]
                    raise refusal


def permitted(denied: set[tuple[str, str]], thing: str, wanted: Iterable[str]) -> list[str]:
    """Give those of the wanted permissions that nobody denied: a permission, and the end of a thing's name."""
    return [name for name in wanted if not any(name == no and thing.endswith(end) for no, end in denied)]
