"""What can go wrong, how often in one run, and what was seen of it."""

from collections import Counter
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """A way in which the world fails; the value is how the table of docs/reliability.md names it."""

    # Ours: stores, queue, warehouse, blobs
    STORE_FAILS = "store fails, nothing written"
    STORE_AMBIGUOUS = "store commits and answers with an error"
    STORE_ABORTS = "transaction aborted and tried again"
    STORE_OUTAGE = "store away for minutes"
    STREAM_BREAKS = "stream of professionals breaks off"
    QUEUE_FAILS = "enqueueing fails, nothing added"
    QUEUE_PART = "enqueueing fails after a part was added"
    QUEUE_AMBIGUOUS = "everything enqueued and answered with an error"
    TASK_LOST = "task accepted and never delivered"
    WAREHOUSE_FAILS = "warehouse fails, nothing kept"
    WAREHOUSE_AMBIGUOUS = "warehouse keeps the rows and answers with an error"
    ROW_SEEN_LATE = "raw row seen by queries only later"
    BLOB_FAILS = "blob store fails, nothing kept"
    BLOB_AMBIGUOUS = "blob store keeps the blob and answers with an error"
    # Delivery
    DUPLICATE = "task delivered twice at once"
    LATE_DUPLICATE = "task delivered again long after"
    LOST_ACK = "acknowledgement lost"
    REORDERED = "later task delivered first"
    DELAYED = "delivery delayed by minutes"
    GIVEN_UP = "task dropped after its attempts"
    NAMES_FORGOTTEN = "queue forgets its names after half a minute"
    # Processes and clocks
    CRASH = "handler dies between two calls to its ports"
    PROCESS_CRASH = "whole process dies with all its deliveries"
    POISON = "page that kills every handler"
    SLOW = "handler stands still for minutes"
    SKEW = "clocks of processes differ"
    CLOCK_JUMP = "clock jumps"
    NO_SUPERVISE = "supervise skipped"
    # The source
    THROTTLED = "source throttles, with odd waits"
    API_FAILURE = "source fails below the failure limit"
    API_TIMEOUT = "answer comes after the timeout"
    API_OUTAGE = "source away for minutes or hours"
    REFUSING_OUTAGE = "source away, a gateway refuses everybody (302, 400)"
    MISSING_OUTAGE = "source away, a gateway knows no path (404)"
    THROTTLING_OUTAGE = "source throttles everybody for minutes or hours"
    DENIED = "source refuses the credentials for a while"
    FORBIDDEN_ALL = "source forbids everybody everything for a while (403)"
    FORBIDDEN = "source forbids one professional (403)"
    FAILS_FOR_GOOD = "source fails one professional for good"
    WITNESS_LOST = "source fails for good whom it just answered"
    THROTTLED_FOR_GOOD = "source throttles one professional for good"
    BY_TURNS = "source answers one professional by turns: refused, throttled, failed"
    REFUSED_ONCE = "source refuses a page once"
    TERMINAL = "source refuses one page for good"
    EMPTY_PAGE = "empty page with a next cursor"
    LYING_CURSOR = "next cursor that loops or ends early"
    DRIFT = "listings come and go while paging"
    GARBAGE = "records that are no listings"
    # People
    PAUSE = "batch paused and resumed"
    CANCEL = "batch cancelled"
    REPLAY = "dead letters replayed"
    DISCARD = "dead letters discarded"


_RATE_MAX = {
    Fault.STORE_FAILS: 0.1,
    Fault.STORE_AMBIGUOUS: 0.1,
    Fault.STORE_ABORTS: 0.3,
    Fault.STREAM_BREAKS: 0.2,
    Fault.QUEUE_FAILS: 0.1,
    Fault.QUEUE_PART: 0.1,
    Fault.QUEUE_AMBIGUOUS: 0.1,
    Fault.TASK_LOST: 0.1,
    Fault.WAREHOUSE_FAILS: 0.1,
    Fault.WAREHOUSE_AMBIGUOUS: 0.1,
    Fault.BLOB_FAILS: 0.2,
    Fault.BLOB_AMBIGUOUS: 0.2,
    Fault.DUPLICATE: 0.5,
    Fault.LATE_DUPLICATE: 0.3,
    Fault.LOST_ACK: 0.3,
    Fault.REORDERED: 0.5,
    Fault.DELAYED: 0.1,
    Fault.CRASH: 0.05,
    Fault.PROCESS_CRASH: 0.01,
    Fault.POISON: 0.05,
    Fault.SLOW: 0.05,
    Fault.NO_SUPERVISE: 0.5,
    Fault.THROTTLED: 0.4,
    Fault.API_FAILURE: 0.4,
    Fault.API_TIMEOUT: 0.2,
    Fault.FAILS_FOR_GOOD: 0.1,
    Fault.FORBIDDEN: 0.05,
    Fault.WITNESS_LOST: 0.05,
    Fault.THROTTLED_FOR_GOOD: 0.05,
    Fault.BY_TURNS: 0.3,
    Fault.REFUSED_ONCE: 0.2,
    Fault.TERMINAL: 0.15,
    Fault.EMPTY_PAGE: 0.05,
    Fault.LYING_CURSOR: 0.05,
    Fault.DRIFT: 0.1,
    Fault.GARBAGE: 0.1,
}
"""The most that a call or a delivery is struck; faults that are not here strike a run as a whole, or do not."""

_THEMES: tuple[frozenset[Fault], ...] = (
    frozenset({Fault.CRASH, Fault.DUPLICATE}),
    frozenset({Fault.CRASH, Fault.DUPLICATE, Fault.API_FAILURE}),
    frozenset({Fault.PROCESS_CRASH, Fault.DUPLICATE, Fault.STORE_ABORTS}),
    frozenset({Fault.CRASH, Fault.TASK_LOST, Fault.API_OUTAGE}),
    frozenset({Fault.API_OUTAGE, Fault.TERMINAL}),
    frozenset({Fault.API_OUTAGE, Fault.TERMINAL, Fault.DUPLICATE}),
    frozenset({Fault.API_OUTAGE, Fault.WITNESS_LOST}),
    frozenset({Fault.FAILS_FOR_GOOD, Fault.WITNESS_LOST}),
    frozenset({Fault.REFUSING_OUTAGE, Fault.DUPLICATE}),
    frozenset({Fault.REFUSING_OUTAGE, Fault.API_OUTAGE, Fault.REFUSED_ONCE}),
    frozenset({Fault.MISSING_OUTAGE, Fault.CRASH}),
    frozenset({Fault.THROTTLING_OUTAGE, Fault.DUPLICATE}),
    frozenset({Fault.THROTTLED_FOR_GOOD, Fault.REPLAY}),
    frozenset({Fault.BY_TURNS}),
    frozenset({Fault.BY_TURNS, Fault.DUPLICATE}),
    frozenset({Fault.POISON}),
    frozenset({Fault.POISON, Fault.TASK_LOST}),
    frozenset({Fault.FORBIDDEN, Fault.FORBIDDEN_ALL, Fault.DENIED}),
    frozenset({Fault.PAUSE, Fault.CRASH}),
    frozenset({Fault.PAUSE, Fault.CRASH, Fault.QUEUE_PART}),
    frozenset({Fault.CANCEL, Fault.CRASH, Fault.TASK_LOST}),
    frozenset({Fault.REPLAY, Fault.LATE_DUPLICATE, Fault.SLOW}),
    frozenset({Fault.REPLAY, Fault.LATE_DUPLICATE, Fault.API_TIMEOUT}),
    frozenset({Fault.REPLAY, Fault.DUPLICATE, Fault.CRASH}),
    frozenset({Fault.THROTTLED, Fault.TASK_LOST}),
)
"""Faults that are worst together: so few of all combinations that they would hardly ever be drawn."""
_THEME_ODDS = 0.5

_RUN_ODDS = {Fault.CANCEL: 0.15, Fault.GIVEN_UP: 1.0}


class Chance:
    """One run's dice: which faults there are, how often, and everything else that is drawn; heals on request."""

    def __init__(self, seed: str, faults: frozenset[Fault] | None = None) -> None:
        self.dice = Random(seed)
        self.seen: Counter[str] = Counter()
        self.is_healed = False
        is_theme = faults is None and self.dice.random() < _THEME_ODDS
        chosen = self.dice.choice(_THEMES) if is_theme else self._choose() if faults is None else faults
        # Without a dead letter there is nothing to replay.
        if chosen & {Fault.REPLAY, Fault.DISCARD}:
            chosen |= {Fault.FAILS_FOR_GOOD}
        self._rates = {fault: self._drawn_rate(fault, is_theme=is_theme) for fault in Fault if fault in chosen}

    def _drawn_rate(self, fault: Fault, *, is_theme: bool) -> float:
        share: float = 10 ** -self.dice.uniform(0.0, 0.3 if is_theme else 1.0)
        return _RATE_MAX[fault] * share if fault in _RATE_MAX else 1.0

    def _choose(self) -> frozenset[Fault]:
        """One fault alone, a few, or many: what a fault does is seen best where all else is calm."""
        everything = [fault for fault in Fault if self.dice.random() < _RUN_ODDS.get(fault, 1.0)]
        many = self.dice.choice([1, 1, 2, 3, 5, 8, 13, 21])
        return frozenset(self.dice.sample(everything, min(many, len(everything))))

    def has(self, fault: Fault) -> bool:
        """Whether this run knows the fault at all."""
        return fault in self._rates and not self.is_healed

    def strikes(self, fault: Fault) -> bool:
        """Draw whether the fault strikes here, and count it."""
        if self.is_healed or fault not in self._rates or self.dice.random() >= self._rates[fault]:
            return False
        self.saw(fault)
        return True

    def saw(self, what: str) -> None:
        """Count something worth having happened."""
        self.seen[what] += 1

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults of this run."""
        return tuple(self._rates)
