"""What every log line of a piece of work carries: batch, professional, step, stage, page, attempt, trace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NONE: Mapping[str, object] = {}
_facts: ContextVar[Mapping[str, object]] = ContextVar("facts", default=_NONE)


@contextmanager
def correlated(**facts: object) -> Iterator[None]:
    """Add facts to the log lines of what is done inside, in this thread."""
    token = _facts.set({**_facts.get(), **facts})
    try:
        yield
    finally:
        _facts.reset(token)


def facts() -> Mapping[str, object]:
    """Tell the facts of the work at hand."""
    return _facts.get()
