"""Ports at whose verbs something happens first: another delivery, or the end of the process."""

from collections.abc import Callable, Collection
from typing import Any, Never, TypeVar, cast

T = TypeVar("T")

WRITES = frozenset(
    {
        "append_batch",
        "append_run",
        "create_batch",
        "create_professionals",
        "enqueue",
        "insert_raw_page",
        "load_grades",
        "load_results",
        "publish",
        "put",
        "raise_watermark",
        "transact",
    }
)
"""The verbs of store, queue, warehouse and blobs that leave something behind."""


class Crash(BaseException):
    """The process is gone: no code of ours catches this."""


def crash() -> Never:
    raise Crash


class AtCall:
    """Runs an action at the nth call, once."""

    def __init__(self, nth: int, action: Callable[[], object]) -> None:
        self._left = nth
        self._action = action

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._action()


class _Interrupted:
    def __init__(self, port: object, verbs: Collection[str], happening: Callable[[], object]) -> None:
        self._port = port
        self._verbs = verbs
        self._happening = happening

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the port has
        value = getattr(self._port, name)
        if name not in self._verbs:
            return value

        def interrupted(*values: Any) -> Any:  # noqa: ANN401  # as above
            self._happening()
            return value(*values)

        return interrupted


def interrupted(port: T, verbs: Collection[str], happening: Callable[[], object]) -> T:
    """Give the port with `happening` called before each of these verbs."""
    return cast("T", _Interrupted(port, verbs, happening))
