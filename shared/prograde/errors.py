"""
Every operational error of prograde.

    ProgradeError
    ├── TerminalError              trying again cannot help
    │   ├── InputError             somebody gave bad input: each problem names field, value and remedy
    │   ├── NotFoundError          no such batch, source or export
    │   ├── ConflictError          not now: the thing is in another state, or in use
    │   ├── UnknownCallerError     a request does not prove who sends it
    │   ├── ForbiddenCallerError   it does, and this one may not
    │   └── CorruptionError        what is stored contradicts itself
    └── TransientError             the same call may succeed later
        ├── NotSeededError         the task came before its professional
        ├── InterruptedCallError   the call was not made: the process is shutting down, or the limits allow none soon
        │   └── NotBeforeError     the limits allow none before a moment: the page is to be given that time
        ├── SettingsError          the deployment lacks something: it can be mended while tasks wait
        └── UnavailableError       a store, queue or warehouse of ours does not answer
            └── BusyError          it answers somebody else, and this takes seconds

Terminal or transient decides whether anything tries again; nothing else does.
Programming errors (AssertionError, TypeError…) are not here: they crash.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from typing_extensions import override

PROBLEMS_MAX = 20
"""Of what one reader finds: whoever sends a megabyte of mistakes is not answered with many."""


class ProgradeError(Exception):
    """The root of the tree."""


class TerminalError(ProgradeError):
    """Trying again cannot help."""


class TransientError(ProgradeError):
    """The same call may succeed later."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the input: where, what was given, and what to do about it."""

    field: str
    value: object
    remedy: str

    @override
    def __str__(self) -> str:
        if self.value is None:
            return f"{self.field}: {self.remedy}"
        shown = repr(self.value)
        if len(shown) > 120:  # noqa: PLR2004  # a line that still fits a terminal
            shown = shown[:117] + "..."
        return f"{self.field}: {shown}: {self.remedy}"


def reported(problems: Iterable[Problem]) -> list[Problem]:
    """Take the first problems that are found, and say that there are more; no further one is looked for."""
    found = list(islice(problems, PROBLEMS_MAX + 1))
    if len(found) > PROBLEMS_MAX:
        found[PROBLEMS_MAX] = Problem("problems", None, f"there are more than these {PROBLEMS_MAX}: mend them first")
    return found


class InputError(TerminalError):
    """Bad input, all of it at once; raised before anything is created."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class NotFoundError(TerminalError):
    """There is no such batch, source or export."""


class ConflictError(TerminalError):
    """It cannot be done now: the thing is in another state, or in use."""


class UnknownCallerError(TerminalError):
    """A request does not prove who sends it."""


class ForbiddenCallerError(TerminalError):
    """A request proves who sends it, and that is nobody who may."""


class CorruptionError(TerminalError):
    """What is stored contradicts itself."""


class NotSeededError(TransientError):
    """A page task came before its professional; seeding will create it."""


class InterruptedCallError(TransientError):
    """
    The call was not made: the process is shutting down, or the source's limits allow none soon.

    `wait_seconds` is how long the limits allow none, None where that is not the reason.
    """

    def __init__(self, why: str, wait_seconds: float | None = None) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(why)


class NotBeforeError(InterruptedCallError):
    """The call was not made: the source's limits allow none before `moment`, which is too late to wait for."""

    def __init__(self, why: str, moment: datetime) -> None:
        self.moment = moment
        super().__init__(why)


class SettingsError(TransientError):
    """The environment lacks something or has it wrong, all of it at once; tasks wait until it is mended."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UnavailableError(TransientError):
    """A store, queue or warehouse of ours does not answer."""


class BusyError(UnavailableError):
    """It answers somebody else, and takes seconds for each; `wait_seconds` is after how long to ask again."""

    def __init__(self, why: str, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(why)
