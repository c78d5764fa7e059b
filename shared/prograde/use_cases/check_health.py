"""Ask everything that a batch needs whether it answers."""

from collections.abc import Callable
from dataclasses import dataclass

from prograde.errors import ProgradeError, UnavailableError
from prograde.use_cases.services import Services

OK = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """What answers: each is OK, or says what is wrong; `dispatching` names who delivers tasks, "" for nobody."""

    state: str
    queue: str
    warehouse: str
    blobs: str
    dispatching: str

    @property
    def is_well(self) -> bool:
        """Whether everything answers."""
        return {self.state, self.queue, self.warehouse, self.blobs} == {OK}


def check_health(services: Services) -> Health:
    """Ask state, queue, warehouse and blobs, once each."""
    return Health(
        state=_asked(services.store.check),
        queue=_asked(services.queue.check),
        warehouse=_asked(services.warehouse.check),
        blobs=_asked(services.blobs.check),
        dispatching=services.dispatching(),
    )


def require_health(services: Services) -> None:
    """
    Ask everything before a batch is begun, which shall not find in its middle what is missing.

    What is there is then asked what it permits, by every function.
    """
    health = check_health(services)
    answers = (health.state, health.queue, health.warehouse, health.blobs)
    missing = tuple(answer for answer in answers if answer != OK)
    if not missing and services.readiness is not None:
        missing = services.readiness.ask()
    if missing:
        raise UnavailableError("; ".join(missing))


def _asked(check: Callable[[], None]) -> str:
    try:
        check()
    except ProgradeError as error:
        return str(error) or type(error).__name__
    return OK
