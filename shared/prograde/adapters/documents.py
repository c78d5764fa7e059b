"""Domain objects as the JSON that stores and queues hold; the same text in both families."""

from base64 import urlsafe_b64encode
from typing import Generic, TypeVar

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from prograde.domain.batch import Batch, Parameters
from prograde.domain.counter import Counter
from prograde.domain.effects import FinalizeTask, PageTask, SeedTask, SoundingTask, Task, WakeTask
from prograde.domain.leases import Ledger
from prograde.domain.professional import Professional
from prograde.errors import CorruptionError, InputError, Problem

T = TypeVar("T")

KNOWN_MAX = 64


class Document(Generic[T]):
    """How one type is written and read."""

    def __init__(self, kind: type[T]) -> None:
        # Pydantic checks what is read. It takes no configuration beside a bare dataclass, whose own it might
        # contradict, but it does beside an optional one.
        config = ConfigDict(val_json_bytes="base64")
        self._kind = kind
        self._known: dict[str | bytes, T] = {}
        self._adapter: TypeAdapter[T | None] = TypeAdapter(kind | None, config=config)  # type: ignore[arg-type]  # kind is a class

    def write(self, value: T) -> str:
        """Write a value as JSON; orjson does it in a third of pydantic's time."""
        text = orjson.dumps(value, default=_base64, option=orjson.OPT_NON_STR_KEYS).decode()
        self._remember(text, value)
        return text

    def read(self, text: str | bytes) -> T:
        """Read what `write` wrote; raises CorruptionError for anything else."""
        value = self._known.get(text)
        if value is None:
            value = self._parse(text)
            self._remember(text, value)
        return value

    def _remember(self, text: str | bytes, value: T) -> None:
        """
        Keep a value beside its text: a page reads its professional two times, as the page before wrote it.

        Values are frozen, so they can be shared.
        """
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[text] = value

    def _parse(self, text: str | bytes) -> T:
        try:
            value = self._adapter.validate_json(text)
        except ValidationError as error:
            raise CorruptionError(f"not a stored {self._kind.__name__}: {error}") from error
        if value is None:
            raise CorruptionError(f"not a stored {self._kind.__name__}: null")
        return value


def _base64(value: object) -> str:
    """Write bytes, all that orjson cannot write of ours: packed hashes are no text."""
    if not isinstance(value, bytes):
        raise TypeError(f"a document holds no {type(value).__name__}")
    return urlsafe_b64encode(value).decode()


BATCH = Document(Batch)
COUNTER = Document(Counter)
LEDGER = Document(Ledger)
PARAMETERS = Document(Parameters)
PROFESSIONAL = Document(Professional)

_PAGE = Document(PageTask)
_SEED = Document(SeedTask)
_WAKE = Document(WakeTask)
_FINALIZE = Document(FinalizeTask)
_SOUNDING = Document(SoundingTask)
_KINDS: dict[type[Task], str] = {
    PageTask: "page",
    SeedTask: "seed",
    WakeTask: "wake",
    FinalizeTask: "finalize",
    SoundingTask: "sounding",
}


def task_kind(task: Task) -> str:
    """Name the kind of a task: page, seed, wake, finalize or sounding."""
    return _KINDS[type(task)]


def write_task(task: Task) -> str:
    """Write a task's body."""
    match task:
        case PageTask():
            return _PAGE.write(task)
        case SeedTask():
            return _SEED.write(task)
        case WakeTask():
            return _WAKE.write(task)
        case FinalizeTask():
            return _FINALIZE.write(task)
        case SoundingTask():
            return _SOUNDING.write(task)


def read_page_task(body: bytes) -> PageTask:
    """Read a page task; raises InputError when it is none (anybody may post to a function)."""
    return _read(_PAGE, body)


def read_seed_task(body: bytes) -> SeedTask:
    """Read a seed task; raises InputError when it is none."""
    return _read(_SEED, body)


def read_wake_task(body: bytes) -> WakeTask:
    """Read a wake task; raises InputError when it is none."""
    return _read(_WAKE, body)


def read_finalize_task(body: bytes) -> FinalizeTask:
    """Read a finalize task; raises InputError when it is none."""
    return _read(_FINALIZE, body)


def read_sounding_task(body: bytes) -> SoundingTask:
    """Read a sounding task; raises InputError when it is none."""
    return _read(_SOUNDING, body)


def _read(document: Document[T], body: bytes) -> T:
    try:
        return document.read(body.decode())
    except (CorruptionError, UnicodeDecodeError) as error:
        raise InputError([Problem("body", body[:100], f"must be a task's JSON: {error}")]) from error
