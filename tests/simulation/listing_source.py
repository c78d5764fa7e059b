"""The listing API's stand-in: pages of the made-up market, and everything that an API does wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import cycle

from typing_extensions import override

from prograde.domain.listing import Rejection
from prograde.domain.outcome import (
    Answered,
    Denied,
    Failure,
    ListingPage,
    NotFound,
    ProfilePage,
    Refusal,
    Refused,
    Throttled,
)
from prograde.domain.professional import Stage
from prograde.domain.raw_page import Exchange
from prograde.ports import Clock, ListingSource, PageRequest
from tests.simulation.chance import Chance, Fault
from tests.simulation.market import Market, Person, Record

ODD_WAITS = (None, 0.0, -5.0, 1.0, 30.0, 90.0, 1e9, float("inf"))
WAIT_BELIEVED_MAX = 3600.0
BACKOFF_MAX = 60.0
REFUSALS = (Refusal.CLIENT_ERROR, Refusal.REDIRECT, Refusal.NOT_FOUND)
TURNS: tuple[Answered, ...] = (
    *(Refused(kind, "by turns") for kind in (Refusal.NOT_FOUND, Refusal.FORBIDDEN, Refusal.CLIENT_ERROR)),
    Throttled(None),
    Failure("http_500", "by turns"),
)
PageKey = tuple[str, Stage, str | None]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of virtual time."""

    start: float
    end: float

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end


@dataclass(slots=True)
class Api:
    """
    What is the API's own, whichever process asks: its data, its outages, its patience with each page.

    `changed` are the professionals of whom it has not told the truth of the market; `troubled` those whom it left
    without an answer for their own sake; `failures` counts the failures that it answered for a page. `silences` are
    the spans for which it asked somebody to wait, `outage_wait` is how long it asks everybody to in an outage.
    """

    market: Market
    chance: Chance
    now: Callable[[], float]
    note: Callable[[str], None]
    outages: dict[Fault, Span] = field(default_factory=dict)
    outage_wait: float | None = None
    denials: dict[Fault, Span] = field(default_factory=dict)
    silences: list[Span] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    troubled: set[str] = field(default_factory=set)
    poisoned: set[PageKey] = field(default_factory=set)
    tried: set[PageKey] = field(default_factory=set)
    weighed: set[PageKey] = field(default_factory=set)
    lost: dict[str, Answered] = field(default_factory=dict)
    turning: dict[str, Iterator[Answered]] = field(default_factory=dict)
    refused: dict[PageKey, Answered] = field(default_factory=dict)
    met_refusal: set[PageKey] = field(default_factory=set)
    met_gateway: set[PageKey] = field(default_factory=set)
    failures: Counter[PageKey] = field(default_factory=Counter)
    is_mended: bool = False

    def __post_init__(self) -> None:
        self.people = {person.professional_id: person for person in self.market.people}

    def answer(self, request: PageRequest) -> Answered:
        """Answer one request."""
        outcome = self._trouble(request)
        if isinstance(outcome, Throttled):
            wait = BACKOFF_MAX if outcome.wait_seconds is None else min(outcome.wait_seconds, WAIT_BELIEVED_MAX)
            self.silences.append(Span(self.now(), self.now() + max(BACKOFF_MAX, wait)))
        if outcome is None:
            outcome = self._page(request)
            if not self.is_mended and self.chance.strikes(Fault.WITNESS_LOST):
                self._lose(request, Failure("http_500", "nothing usable"))
        return outcome

    def _trouble(self, request: PageRequest) -> Answered | None:
        strikes, key = self.chance.strikes, _page_key(request)
        outcome = self._absence(request) or self._for_good(request)
        if outcome is not None:
            return outcome
        if strikes(Fault.THROTTLED):
            return Throttled(self.chance.dice.choice(ODD_WAITS))
        # The first failure of an outage counts, too: nobody can know yet whose it is. And it may be yet to come.
        before = self.failures[key] + bool(self.outages)
        is_below = before + 1 < request.parameters.failure_limit
        if is_below and strikes(Fault.API_FAILURE):
            return self._own(request, self.chance.dice.choice(["http_502", "malformed", "cut_short"]))
        if is_below and strikes(Fault.API_TIMEOUT):
            return self._own(request, "timeout")
        if key not in self.met_refusal | self.met_gateway and strikes(Fault.REFUSED_ONCE):
            self.met_refusal.add(key)
            return Refused(self.chance.dice.choice(REFUSALS), "once")
        return None

    def _for_good(self, request: PageRequest) -> Answered | None:
        """Answer whom it leaves without answers from now on, and pages that it refuses."""
        key, who, dice = _page_key(request), request.professional_id, self.chance.dice
        is_first = not self.is_mended and self._is_new(key, self.tried)
        if is_first and self.chance.strikes(Fault.FAILS_FOR_GOOD):
            self._lose(request, Failure("http_500", "nothing usable"))
        if is_first and self.chance.strikes(Fault.THROTTLED_FOR_GOOD):
            self._lose(request, Throttled(dice.choice([None, 30.0])))
        if is_first and self.chance.strikes(Fault.FORBIDDEN):
            self._lose(request, Refused(Refusal.FORBIDDEN, "not this one"))
        if is_first and self.chance.strikes(Fault.TERMINAL):
            self.changed.add(who)
            self.troubled.add(who)
            loop = Failure("paginator_loop", "the page leads to itself", is_terminal=True)
            self.refused[key] = loop if dice.random() < 0.2 else Refused(dice.choice(REFUSALS), "for good")
        if is_first and self.chance.strikes(Fault.BY_TURNS):
            self.changed.add(who)
            self.troubled.add(who)
            self.turning.setdefault(who, cycle(dice.sample(TURNS, 2)))
        if who in self.turning:
            turn = next(self.turning[who])
            return self._own(request, "http_500") if isinstance(turn, Failure) else turn
        outcome = self.lost.get(who) or self.refused.get(key)
        is_own_failure = isinstance(outcome, Failure) and not outcome.is_terminal
        return self._own(request, "http_500") if is_own_failure else outcome

    def _lose(self, request: PageRequest, outcome: Answered) -> None:
        who = request.professional_id
        self.troubled.add(who)
        if not isinstance(outcome, Failure):
            self.changed.add(who)
        self.lost.setdefault(who, outcome)

    def _absence(self, request: PageRequest) -> Answered | None:
        """Answer as a source that is away, or that refuses the credentials."""
        key, dice = _page_key(request), self.chance.dice
        if self._lies_in(self.outages, Fault.THROTTLING_OUTAGE):
            return Throttled(self.outage_wait)
        for fault, refusals in ((Fault.REFUSING_OUTAGE, REFUSALS[:2]), (Fault.MISSING_OUTAGE, REFUSALS[2:])):
            # Of a page that was refused once this would be the second time, and no fault that heals.
            if key not in self.met_refusal and self._lies_in(self.outages, fault):
                self.met_gateway.add(key)
                return Refused(dice.choice(refusals), "the gateway's")
        if any(self._lies_in(self.outages, fault) for fault in self.outages):
            return Failure("http_503", "service unavailable")
        if self._lies_in(self.denials, Fault.FORBIDDEN_ALL):
            return Refused(Refusal.FORBIDDEN, "403 expired subscription")
        return Denied("401 expired token") if self._lies_in(self.denials, Fault.DENIED) else None

    def _own(self, request: PageRequest, cause: str) -> Failure:
        """Fail a page by itself, while the source is well."""
        self.failures[_page_key(request)] += 1
        return Failure(cause, "nothing usable")

    def mend(self) -> None:
        """Answer again whom the source had left without answers for good."""
        self.lost.clear()
        self.turning.clear()
        self.refused.clear()
        self.poisoned.clear()
        self.is_mended = True

    def heal(self) -> None:
        """Forbid nobody any more: a batch in which nobody else is left to be answered would be paused for ever."""
        self.turning.clear()
        self.lost = {who: outcome for who, outcome in self.lost.items() if not isinstance(outcome, Refused)}

    def _lies_in(self, spans: dict[Fault, Span], fault: Fault) -> bool:
        if self.chance.is_healed or fault not in spans or not spans[fault].holds(self.now()):
            return False
        self.chance.saw(fault)
        return True

    def is_anybody_well(self, asked: set[str]) -> bool:
        """Whether there is somebody among the asked whom it knows and never left without an answer."""
        known = {person.professional_id for person in self.market.people if person.profile is not None}
        return bool(known & asked - self.troubled)

    def failures_of(self, professional_id: str) -> int:
        """Count the failures of the page of a professional that failed most often."""
        return max((count for (who, _, _), count in self.failures.items() if who == professional_id), default=0)

    def is_poison(self, request: PageRequest) -> bool:
        """Whether the answer to this request kills whoever reads it; it does so for ever."""
        key = _page_key(request)
        if self._is_new(key, self.weighed) and self.chance.strikes(Fault.POISON):
            self.poisoned.add(key)
            self.troubled.add(request.professional_id)
        return key in self.poisoned

    def _is_new(self, key: PageKey, known: set[PageKey]) -> bool:
        is_new = key not in known
        known.add(key)
        return is_new

    def _page(self, request: PageRequest) -> Answered:
        person = self.people[request.professional_id]
        if person.profile is None and request.stage is not Stage.PROFILE:
            return ListingPage((), None)
        if person.profile is None:
            return Refused(Refusal.NOT_FOUND, "nobody") if self.market.tells_by_status else NotFound()
        if request.stage is Stage.PROFILE:
            return ProfilePage(person.profile)
        if self.chance.strikes(Fault.DRIFT):
            person = self._drifted(person, request)
        records = person.active if request.stage is Stage.ACTIVE else person.sold
        return self._lied(request, self._cut(records, request))

    def _cut(self, records: tuple[Record, ...], request: PageRequest) -> ListingPage:
        start = int(request.cursor or 0)
        end = start + self.market.page_size
        following = str(end - self.market.overlap) if end < len(records) else None
        is_newest_first = self.market.is_newest_first and request.stage is Stage.HISTORICAL
        return ListingPage(records[start:end], following, is_newest_first)

    def _drifted(self, person: Person, request: PageRequest) -> Person:
        """A listing goes, or one that was sold elsewhere comes: all behind it moves by one."""
        name = "active" if request.stage is Stage.ACTIVE else "sold"
        records: list[Record] = list(getattr(person, name))
        if records and self.chance.dice.random() < 0.5:
            records.pop(self.chance.dice.randrange(len(records)))
        else:
            records.insert(0, Rejection(f"new {len(self.tried)}", "status: missing"))
        values = {"active": person.active, "sold": person.sold, name: tuple(records)}
        self.changed.add(person.professional_id)
        drifted = Person(person.professional_id, person.profile, values["active"], values["sold"])
        self.people[person.professional_id] = drifted
        return drifted

    def _lied(self, request: PageRequest, page: ListingPage) -> ListingPage:
        chance, truth = self.chance, page
        if chance.strikes(Fault.GARBAGE):
            page = ListingPage((*page.records, Rejection("", "key: missing")), page.next_cursor, page.is_newest_first)
        if chance.strikes(Fault.EMPTY_PAGE):
            page = ListingPage((), request.cursor or "0", page.is_newest_first)
        if chance.strikes(Fault.LYING_CURSOR):
            cursor = chance.dice.choice([None, "0", request.cursor, "100000"])
            page = ListingPage(page.records, cursor, page.is_newest_first)
        if page != truth:
            self.changed.add(request.professional_id)
        return page


class SimulatedSource(ListingSource):
    """ListingSource of one process; `going` and `coming` pass the time of a call, and may not return."""

    def __init__(
        self, api: Api, clock: Clock, going: Callable[[PageRequest], None], coming: Callable[[PageRequest], None]
    ) -> None:
        self._api = api
        self._clock = clock
        self._going = going
        self._coming = coming

    @override
    def fetch(self, request: PageRequest, share: float = 1.0) -> tuple[Answered, Exchange]:
        assert 0.0 < share <= 1.0
        sent_at = self._clock.now()
        self._going(request)
        outcome = self._api.answer(request)
        self._api.note(f"source answers {_shown(outcome)}")
        self._coming(request)
        body = repr(outcome).encode()
        status = 0 if isinstance(outcome, Failure) else 200
        wait = outcome.wait_seconds if isinstance(outcome, Throttled) else None
        headers = () if wait is None else (("Retry-After", str(wait)),)
        url = f"https://api.example/{request.stage}?agent={request.professional_id}&cursor={request.cursor}"
        return outcome, Exchange(sent_at, 12.5, url, status, headers, body, sha256(body).hexdigest())


def _shown(outcome: Answered) -> str:
    match outcome:
        case ListingPage():
            return f"{len(outcome.records)} records, next {outcome.next_cursor}"
        case ProfilePage():
            return "a profile"
        case _:
            return str(outcome)


def _page_key(request: PageRequest) -> PageKey:
    return request.professional_id, request.stage, request.cursor
