"""A worker for tasks: it keeps what it was sent, and answers as it is told."""

import threading
from collections.abc import Callable

from tests.emulators.loopback import Asked, Loopback, Response

Answer = Callable[[int], tuple[int, dict[str, str]]]
"""From how many requests came before to status and headers."""


class Worker(Loopback):
    """A server that tasks are delivered to."""

    def __init__(self, answer: Answer = lambda _: (200, {}), content: bytes = b"") -> None:
        self.received: list[Asked] = []
        guard = threading.Lock()

        def take(asked: Asked) -> Response:
            with guard:
                count = len(self.received)
                self.received.append(asked)
            status, headers = answer(count)
            return Response(status, content, headers)

        super().__init__(take)
