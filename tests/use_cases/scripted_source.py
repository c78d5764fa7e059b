"""A listing source that answers from a script, and at whose calls things can happen."""

from collections.abc import Callable
from hashlib import sha256

from prograde.domain.listing import Listing, ListingStatus
from prograde.domain.outcome import Answered, ListingPage, ProfilePage
from prograde.domain.professional import Stage
from prograde.domain.profile import Profile
from prograde.domain.raw_page import Exchange
from prograde.ports import Clock, PageRequest
from tests.contracts.specimens import PARAMETERS


class ScriptedSource:
    """
    ListingSource that gives the outcomes of `script` in turn, and after those what `answering` says.

    While a call is in flight the next of `in_flight` runs, once, and the clock goes on by `seconds_a_call`. No two
    answers have the same bytes.
    """

    def __init__(self, clock: Clock) -> None:
        self.script: list[Answered] = []
        self.in_flight: list[Callable[[], object]] = []
        self.answering: Callable[[PageRequest], Answered] = only_page
        self.seconds_a_call = 0.0
        self.padding = b""
        self.requests: list[PageRequest] = []
        self.shares: list[float] = []
        self._clock = clock

    def fetch(self, request: PageRequest, share: float = 1.0) -> tuple[Answered, Exchange]:
        self.requests.append(request)
        self.shares.append(share)
        sent_at = self._clock.now()
        outcome = self.script.pop(0) if self.script else self.answering(request)
        body = f"answer {len(self.requests)}".encode() + self.padding
        exchange = Exchange(
            sent_at, 12.5, f"https://api.example/{request.stage}", 200, (), body, sha256(body).hexdigest()
        )
        self._clock.sleep(self.seconds_a_call)
        if self.in_flight:
            self.in_flight.pop(0)()
        return outcome, exchange


def only_page(request: PageRequest) -> Answered:
    """Answer a stage: a profile, nothing on the market, one sale."""
    match request.stage:
        case Stage.PROFILE:
            return ProfilePage(Profile())
        case Stage.ACTIVE:
            return ListingPage((), None)
        case Stage.HISTORICAL:
            return ListingPage((sale(request.professional_id),), None)


def sale(agent: str) -> Listing:
    """Make a sale on which the agent had the list side."""
    return Listing(
        key=f"L-{agent}",
        status=ListingStatus.CLOSED,
        is_sale=True,
        list_price_cents=400_000_00,
        close_price_cents=390_000_00,
        close_date=PARAMETERS.as_of,
        list_agent=agent,
        co_list_agent=None,
        buyer_agent=None,
        co_buyer_agent=None,
    )
