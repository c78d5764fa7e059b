"""
What a source sees of a deployment's pace, in virtual time: python -m tests.simulation.pace_of_a_deployment prints it.

Queues send what their token buckets hold, instances take a while to start, clocks and networks differ; the times at
which calls leave are leased by the very rules of `prograde.domain.leases`.
"""

import heapq
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random

from prograde.domain.leases import Ledger, lateness, lease
from prograde.domain.pace import RateLimit

LIMIT = RateLimit(20, timedelta(seconds=1))
QUEUE_RATE = 18.0
IN_FLIGHT_MAX = 40
INSTANCE_CALLERS = 20
SECONDS = 120.0
SEEDS = range(20)
LEASE_EVERY_MIN, LEASE_EVERY_MAX, COMMIT_SECONDS, LEAD_SECONDS = 0.5, 2.0, 0.03, 0.05
CLOCK_ERROR_MAX = 0.003
OVERSLEPT_ODDS, OVERSLEPT_MAX = 0.01, 0.2
NETWORK_SECONDS = (0.02, 0.06)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a deployment begins: `burst` is what each queue has saved up, `cold_seconds` how long an instance starts."""

    name: str
    queues: int = 1
    burst: int = 18
    cold_seconds: float = 0.0


SCENARIOS = (
    Scenario("a queue that sends evenly"),
    Scenario("after a pause, with a burst of 100", burst=100),
    Scenario("all instances start, 4 s each, and then a burst", burst=100, cold_seconds=4.0),
    Scenario("two deployments overlap, each with a queue", queues=2, burst=100, cold_seconds=4.0),
)


@dataclass(slots=True)
class Seen:
    """When tasks were dispatched, when calls left by their instances' clocks, and when the source got them."""

    dispatched: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Instance:
    clock_error: float
    is_warm: bool = False
    is_starting: bool = False
    in_hand: int = 0
    waiting: list["_Queue"] = field(default_factory=list)
    is_leasing: bool = False
    next_lease_at: float = 0.0


@dataclass(slots=True, eq=False)
class _Queue:
    tokens: float
    instances: list[_Instance]
    in_flight: int = 0


class _Deployment:
    """The run of one scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.seen = Seen()
        self._cold_seconds = scenario.cold_seconds
        self._dice = Random(seed)
        self._ledger = Ledger()
        self._numbers = count()
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._now = 0.0
        for _ in range(scenario.queues):
            instances = [
                _Instance(self._dice.uniform(-CLOCK_ERROR_MAX, CLOCK_ERROR_MAX))
                for _ in range(IN_FLIGHT_MAX // INSTANCE_CALLERS)
            ]
            self._send(_Queue(scenario.burst, instances))

    def run(self) -> Seen:
        while self._plan:
            self._now, _, action = heapq.heappop(self._plan)
            if self._now > SECONDS:
                break
            action()
        return self.seen

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (self._now + seconds, next(self._numbers), action))

    def _send(self, queue: _Queue) -> None:
        """Dispatch what the bucket holds, as far as so many may be in flight; the backlog has no end."""
        while queue.tokens >= 1 and queue.in_flight < IN_FLIGHT_MAX:
            queue.tokens -= 1
            queue.in_flight += 1
            self.seen.dispatched.append(self._now)
            instance = min(queue.instances, key=lambda each: each.in_hand)
            instance.in_hand += 1
            instance.waiting.append(queue)
            self._wake(instance)
        queue.tokens = min(100.0, queue.tokens + QUEUE_RATE * 0.01)
        self._after(0.01, lambda: self._send(queue))

    def _wake(self, instance: _Instance) -> None:
        if instance.is_warm and not instance.is_leasing and instance.waiting:
            instance.is_leasing = True
            self._after(max(0.0, instance.next_lease_at - self._now) + COMMIT_SECONDS, lambda: self._lease(instance))
        elif not instance.is_warm and not instance.is_starting:
            instance.is_starting = True
            self._after(self._cold_seconds, lambda: self._start(instance))

    def _start(self, instance: _Instance) -> None:
        instance.is_warm = True
        self._wake(instance)

    def _lease(self, instance: _Instance) -> None:
        clock = self._now + instance.clock_error
        leased = lease(self._ledger, [LIMIT], _micros(clock + LEAD_SECONDS), len(instance.waiting))
        self._ledger = leased.ledger
        instance.is_leasing = False
        ahead = (leased.times[-1] / 1e6 - clock) / 2 if leased.times else LEASE_EVERY_MIN
        instance.next_lease_at = self._now + min(LEASE_EVERY_MAX, max(LEASE_EVERY_MIN, ahead))
        for time in leased.times:
            queue = instance.waiting.pop(0)
            late = self._dice.expovariate(1 / 0.002)
            if self._dice.random() < OVERSLEPT_ODDS:
                late = self._dice.uniform(0, OVERSLEPT_MAX)
            leaves_at = max(time / 1e6 - instance.clock_error + late, self._now)
            self._after(leaves_at - self._now, self._leaving(instance, queue, time / 1e6))
        self._wake(instance)

    def _leaving(self, instance: _Instance, queue: _Queue, leased_at: float) -> Callable[[], None]:
        def leave() -> None:
            clock = self._now + instance.clock_error
            if clock > leased_at + lateness([LIMIT]).total_seconds():
                instance.waiting.append(queue)
                self._wake(instance)
                return
            self.seen.recorded.append(clock)
            self.seen.arrived.append(self._now + self._dice.uniform(*NETWORK_SECONDS))
            self._after(self._dice.uniform(0.3, 2.0), finish)

        def finish() -> None:
            queue.in_flight -= 1
            instance.in_hand -= 1

        return leave


def observed(scenario: Scenario, seed: int = 0) -> Seen:
    """Run a scenario."""
    return _Deployment(scenario, seed).run()


def fullest_second(moments: Sequence[float]) -> int:
    """Count what falls into the fullest second, wherever it begins."""
    ordered = sorted(moments)
    first = most = 0
    for index, moment in enumerate(ordered):
        while ordered[first] <= moment - 1.0:
            first += 1
        most = max(most, index - first + 1)
    return most


def _micros(seconds: float) -> int:
    return int(seconds * 1e6)


def table(seeds: Sequence[int]) -> Iterator[str]:
    """Write the lines of docs/deploy.md's table: the worst of the runs, and how much of the limit they use together."""
    yield "| Two minutes of | Dispatched | Sent, by the ledger | Arriving | Used |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for scenario in SCENARIOS:
        runs = [observed(scenario, seed) for seed in seeds]
        dispatched = max(fullest_second(seen.dispatched) for seen in runs)
        recorded = max(fullest_second(seen.recorded) for seen in runs)
        arrived = max(fullest_second(seen.arrived) for seen in runs)
        used = sum(len(seen.recorded) for seen in runs) / len(runs) / SECONDS / LIMIT.limit
        yield f"| {scenario.name} | {dispatched} | {recorded} | {arrived} | {used:.0%} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table(SEEDS))
