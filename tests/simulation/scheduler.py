"""
Virtual time, and coroutines that take turns: one thread runs at a time, and a seed decides which.

The code under test is not written for coroutines, so each runs on a thread of its own that is handed a baton. The
baton changes hands in `pause` alone, so that a run is a function of its seed.
"""

import heapq
import threading
from collections.abc import Callable
from itertools import count
from random import Random

Action = Callable[[], None]

EVENTS_MAX = 2_000_000
"""No run here takes so many events: one that does goes round in circles."""


class Killed(BaseException):
    """The process is gone: no code of ours catches this."""


class RoundInCirclesError(Exception):
    """The run does not come to rest."""


class Coroutine:
    """Something that runs in turns; once killed it ends at its next turn, wherever it stands."""

    __slots__ = ("action", "has_begun", "is_done", "is_killed", "name", "on_end", "turn")

    def __init__(self, name: str, action: Action, on_end: Action) -> None:
        self.name = name
        self.action = action
        self.on_end = on_end
        self.has_begun = False
        self.is_done = False
        self.is_killed = False
        self.turn = threading.Lock()
        self.turn.acquire()


class Scheduler:
    """Runs what was planned in order of virtual time; what falls on the same moment comes in any order."""

    def __init__(self, chance: Random) -> None:
        self.now = 0.0
        self.events = 0
        self.running: Coroutine | None = None
        self._chance = chance
        self._plan: list[tuple[float, float, int, Action]] = []
        self._numbers = count()
        self._baton = threading.Lock()
        self._baton.acquire()
        self._alive: dict[Coroutine, None] = {}
        self._idle: list[_Worker] = []
        self._error: BaseException | None = None

    def at(self, moment: float, action: Action) -> None:
        """Plan an action, not before now."""
        heapq.heappush(self._plan, (max(moment, self.now), self._chance.random(), next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        """Plan an action for some time from now."""
        self.at(self.now + seconds, action)

    def spawn(self, name: str, action: Action, on_end: Action = lambda: None) -> Coroutine:
        """Begin something that takes turns; `on_end` runs when it has ended or was killed."""
        coroutine = Coroutine(name, action, on_end)
        self._alive[coroutine] = None
        self.after(0.0, lambda: self._give_turn(coroutine))
        return coroutine

    def pause(self, seconds: float) -> None:
        """Let the others have their turns, and go on after some time; raises Killed."""
        me = self.running
        if me is None:
            return
        until = self.now + seconds
        if not me.is_killed:
            if not self._plan or self._plan[0][0] > until:
                self.now = until  # nobody else has a turn before then
                return
            self.at(until, lambda: self._give_turn(me))
            self._baton.release()
            me.turn.acquire()
        if me.is_killed:
            raise Killed

    def kill(self, coroutine: Coroutine) -> None:
        """End a coroutine: at once, or if it is the running one at its next pause."""
        coroutine.is_killed = True
        if coroutine is not self.running:
            self.after(0.0, lambda: self._give_turn(coroutine))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Run until nothing is planned or it is over, which is asked after each event; raises what was raised."""
        while self._plan and not is_over():
            self.events += 1
            if self.events > EVENTS_MAX:
                raise RoundInCirclesError
            moment, _, _, action = heapq.heappop(self._plan)
            self.now = max(self.now, moment)
            action()
            if self._error is not None:
                raise self._error

    def close(self) -> None:
        """End every coroutine and thread."""
        for coroutine in list(self._alive):
            coroutine.is_killed = True
            self._give_turn(coroutine)
        for worker in self._idle:
            worker.stop()

    def _give_turn(self, coroutine: Coroutine) -> None:
        if coroutine.is_done:
            return
        if coroutine.has_begun or not coroutine.is_killed:
            self.running = coroutine
            if coroutine.has_begun:
                coroutine.turn.release()
            else:
                coroutine.has_begun = True
                worker = self._idle.pop() if self._idle else _Worker(self._carry)
                worker.take(coroutine)
            self._baton.acquire()
            self.running = None
            if not coroutine.is_done:
                return
        coroutine.is_done = True
        del self._alive[coroutine]
        coroutine.on_end()

    def _carry(self, worker: "_Worker", coroutine: Coroutine) -> None:
        """Run a coroutine to its end, on a worker's thread, and hand the baton back."""
        try:
            coroutine.action()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  # carried to the thread that runs the simulation
            self._error = error
        coroutine.is_done = True
        self._idle.append(worker)
        self._baton.release()


class _Worker:
    """A thread that carries one coroutine after the other: to start one for each would cost more than its work."""

    def __init__(self, carry: Callable[["_Worker", Coroutine], None]) -> None:
        self._carry = carry
        self._coroutine: Coroutine | None = None
        self._turn = threading.Lock()
        self._turn.acquire()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def take(self, coroutine: Coroutine) -> None:
        """Carry a coroutine."""
        self._coroutine = coroutine
        self._turn.release()

    def stop(self) -> None:
        """End the thread."""
        self._coroutine = None
        self._turn.release()
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._turn.acquire()
            if self._coroutine is None:
                return
            self._carry(self, self._coroutine)
