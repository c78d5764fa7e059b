"""What every log line of a piece of work carries: batch, professional, step, stage, page, attempt, trace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NONE: Mapping[str, object] = {}
_CARRIED = "_facts"
_facts: ContextVar[Mapping[str, object]] = ContextVar("facts", default=_NONE)


@contextmanager
def correlated(**facts: object) -> Iterator[None]:
    """Add facts to the log lines of what is done inside, in this thread, and to an error that comes out of it."""
    token = _facts.set({**_facts.get(), **facts})
    try:
        yield
    except Exception as error:
        error.__dict__.setdefault(_CARRIED, _facts.get())
        raise
    finally:
        _facts.reset(token)


def facts(error: BaseException | None = None) -> Mapping[str, object]:
    """Tell the facts of the work at hand, and of the work that an error ended."""
    carried: Mapping[str, object] = {} if error is None else error.__dict__.get(_CARRIED, _NONE)
    return {**_facts.get(), **carried}
