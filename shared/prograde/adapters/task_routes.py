"""Which way each kind of task goes, in both families: through which queue, to which function, at which path."""

from dataclasses import dataclass

from prograde.adapters.documents import task_kind
from prograde.domain.effects import Queue, Task


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a kind of task."""

    queue: Queue
    function: str
    path: str


SOUNDING = "sounding"
ROUTES = {
    "page": Route(Queue.PAGES, "fetch_page", "/"),
    # Soundings go where pages go: they measure how far that queue has come.
    SOUNDING: Route(Queue.PAGES, "fetch_page", "/sounding"),
    "seed": Route(Queue.CONTROL, "start_batch", "/tasks/seed"),
    "wake": Route(Queue.CONTROL, "start_batch", "/tasks/wake"),
    "finalize": Route(Queue.CONTROL, "finalize", "/"),
}
"""By the kind of the task."""
READINESS = "/readiness"
"""Where a deployed function is asked whether its account may do its part: by a task that is no batch's."""


def route_of(task: Task) -> Route:
    """Find the way of a task."""
    return ROUTES[task_kind(task)]
