"""Print what becomes of malformed answers, as a Markdown table: python -m tests.fuzz."""

import sys
import time
from collections.abc import Iterator, Mapping

from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.domain.listing import Rejection
from prograde.domain.outcome import Failure, ListingPage, Outcome, Refused, Throttled
from prograde.domain.professional import Stage
from prograde.domain.source_health import WAIT_SECONDS_MAX
from tests.fuzz.paginated_sources import READ_TIMEOUT_SECONDS, paginated_source
from tests.fuzz.telling_answers import COSTLY, TELLING, Telling
from tests.listing_api.answering_server import AnsweringServer
from tests.listing_api.calls import CountingGate, FixedClock
from tests.listing_api.source_texts import page_request

SLACK_SECONDS = 2.0
HEAD = ("Malformed answer", "What became of it", "Calls", "In time")


def table(answers: Mapping[str, Telling]) -> Iterator[str]:
    """Give the table's lines."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for name, telling in answers.items():
        yield f"| {' | '.join((name, *became(telling)))} |"


def became(telling: Telling) -> tuple[str, str, str]:
    """Fetch one answer: the outcome in words, the calls that it cost, and whether the time limit was kept."""
    with AnsweringServer(telling.answer) as server:
        loaded = paginated_source(telling.paginator, server.origin)
        with HttpListingSource(loaded, CountingGate(), FixedClock()) as caller:
            started = time.monotonic()
            outcome, _ = caller.fetch(page_request(Stage.HISTORICAL))
            is_in_time = time.monotonic() - started < READ_TIMEOUT_SECONDS + SLACK_SECONDS
        told = _told(outcome).replace(server.origin, "the source").replace("|", "\\|")
        return told, str(len(server.requests)), "yes" if is_in_time else "no"


def _told(outcome: Outcome) -> str:
    match outcome:
        case Failure():
            again = "the professional fails" if outcome.is_terminal else "asked again"
            return f"failure `{outcome.cause}`, {again}: {outcome.detail}"
        case Refused():
            return f"refused, `{outcome.kind}`, once more if the source answers others: {outcome.detail}"
        case ListingPage():
            reasons = [record.reason for record in outcome.records if isinstance(record, Rejection)]
            counted = f"records read: {len(outcome.records) - len(reasons)}"
            rejected = f"; rejected: {len(reasons)} ({', '.join(sorted(set(reasons)))})" if reasons else ""
            following = f"; next page: `{outcome.next_cursor}`" if outcome.next_cursor else ""
            return counted + rejected + following
        case Throttled():
            return f"throttled, waits {min(outcome.wait_seconds or 0.0, WAIT_SECONDS_MAX):,.0f} s"
        case _:
            return type(outcome).__name__


if __name__ == "__main__":
    for line in table({**TELLING, **COSTLY}):
        sys.stdout.write(f"{line}\n")
