"""
What a batch knows of its source: whom it answered last, whether it is out, and how fast it may be asked.

A professional's failures are its own only while the source answers others. That is told by the last answer in the
same stage, and where there is none since, by asking for that page once more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

ANSWER_EVERY = timedelta(seconds=2)
"""How often an answer is noted: the batch's document must not be written for every page."""
OUTAGE_FAILURES = 3
"""Failures in a row, refusals and throttled answers too, with nobody answered in between, that make an outage."""
ELSEWHERE = timedelta(seconds=10)
"""So long after an answer in another stage the source is not taken to be out for one professional's sake."""
REFUSED_TO_PAUSE = 6
"""Refusals in a row, of a probe's own page and of two others' in turn, that rather are a mistake than an outage."""
ASKED_MIN = 10
"""So often at least the probe of a source that is given up has asked, however late it came each time."""
UNASKED_MAX = timedelta(minutes=2)
"""A probe that comes later than it was to come was not asking: its process stood still, or its clock jumped."""
WAIT_SECONDS_MAX = 3600.0
"""The longest Retry-After that is believed."""
STRANGERS_MAX = 3
"""As many without an answer in a stage in which nobody was ever answered make an outage of that stage."""

SHARE_MIN = 0.05
SHARE_AFTER_OUTAGE = 0.1
SLOWED_EVERY = timedelta(seconds=5)
"""Calls in flight are throttled together: that is one sign to slow down, not eight."""
RISE_PER_SECOND = 1 / 120
UNBROKEN = timedelta(seconds=10)
"""Throttled answers at most so far apart are one row of them."""
THROTTLED_TO_OUTAGE = timedelta(seconds=30)
"""So long a row of them, whoever asks, is an outage: not everybody has to find out alone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The source answered somebody's page well."""

    at: datetime
    professional_id: str

    def proves(self, failed_at: datetime, now: datetime) -> bool:
        """Tell whether the source was well after a failure; an answer from the future is a clock that was set back."""
        return failed_at < self.at <= now

    def is_news(self, known: "Answer | None") -> bool:
        """Tell whether it is worth noting after the known one, by when they were asked for: answers may take long."""
        return known is None or not timedelta() <= self.at - known.at < ANSWER_EVERY


@dataclass(frozen=True, slots=True)
class Outage:
    """
    The source answers nobody since (about) `since`; only the probe's task asks until it does.

    `next_at` is when the probe is to ask again: while nobody asks, the patience does not run out. `cause` tells
    what came instead of answers, `turn_id` whose page the probe asked for last of those whose turn it was.
    """

    since: datetime
    probe_id: str
    next_at: datetime
    cause: str = ""
    turn_id: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """
    The share of the declared rate that the source bears: 1 is all of it.

    Halved when the source throttles, and risen again by time alone: all of it after two minutes at the most, so that
    nothing need be stored for a rise. `began` is when the throttling began that has gone on since, nobody being
    answered.
    """

    share: float = 1.0
    since: datetime | None = None
    began: datetime | None = None

    def share_at(self, now: datetime) -> float:
        """Tell the share at a moment, in (0, 1]."""
        if self.since is None:
            return self.share
        risen = self.share + RISE_PER_SECOND * max(0.0, (now - self.since).total_seconds())
        return min(1.0, risen)

    def slowed(self, now: datetime, answered_at: datetime | None = None) -> "Pace":
        """Halve the share, unless that was done a moment ago; `answered_at` is when anybody was answered last."""
        if self.since is not None and timedelta() <= now - self.since < SLOWED_EVERY:
            return self
        is_interrupted = self.since is None or not timedelta() <= now - self.since < UNBROKEN
        is_answered = self.began is None or (answered_at is not None and answered_at > self.began)
        return Pace(max(SHARE_MIN, self.share_at(now) / 2), now, now if is_interrupted or is_answered else self.began)

    def is_out(self, now: datetime, answered_at: datetime | None) -> bool:
        """Tell whether everybody has been throttled for so long that the source is taken to be out."""
        is_answered = answered_at is not None and self.began is not None and answered_at > self.began
        return self.began is not None and not is_answered and now - self.began >= THROTTLED_TO_OUTAGE
