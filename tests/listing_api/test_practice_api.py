"""The listing source and the practice API, two programs that share no code, speak to each other."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import prograde
from prograde.adapters.listing_api.http_listing_source import HttpListingSource
from prograde.adapters.listing_api.source_file import load_source
from prograde.domain.batch import Parameters
from prograde.domain.listing import Listing
from prograde.domain.outcome import Denied, ListingPage, NotFound, ProfilePage, Refusal, Refused
from prograde.domain.professional import Stage
from prograde.ports import PageRequest
from prograde.sandbox import Market, SandboxServer, seeded_market

TEMPLATES = Path(prograde.__file__).parent / "templates"
AS_OF = date(2026, 11, 20)
PARAMETERS = Parameters(as_of=AS_OF, cutoff=date(2025, 11, 20))
PAGES_MAX = 100


class OpenGate:
    def pass_one(self, share: float = 1.0) -> datetime:
        return datetime.now(UTC)


class MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a listing source does not sleep")


@pytest.fixture(scope="module")
def market() -> Market:
    return seeded_market(40, 7, AS_OF)


@pytest.fixture(scope="module")
def server(market: Market) -> Iterator[SandboxServer]:
    with SandboxServer(market, "sandbox", page_size=50) as running:
        yield running


@pytest.fixture(params=["sandbox_reso", "sandbox_plain"])
def text(request: pytest.FixtureRequest, server: SandboxServer) -> str:
    file = (TEMPLATES / f"{request.param}.yaml").read_text(encoding="utf-8")
    return file.replace("http://127.0.0.1:8765", server.base_url)


@pytest.fixture
def listings(text: str) -> Iterator[HttpListingSource]:
    with HttpListingSource(load_source(text, {"SANDBOX_TOKEN": "sandbox"}), OpenGate(), MachineClock()) as opened:
        yield opened


def all_records(listings: HttpListingSource, agent: str, stage: Stage) -> list[Listing]:
    records: list[Listing] = []
    cursor = None
    for page in range(1, PAGES_MAX):
        outcome, _ = listings.fetch(PageRequest(agent, agent, stage, page, cursor, PARAMETERS))
        assert isinstance(outcome, ListingPage)
        records += [record for record in outcome.records if isinstance(record, Listing)]
        assert len(records) == len({record.key for record in records})
        cursor = outcome.next_cursor
        if cursor is None:
            return records
    raise AssertionError("the pages do not end")


def test_a_profile_brings_the_person_and_the_stated_production(listings: HttpListingSource, market: Market) -> None:
    for agent in market.agents[:5]:
        outcome, exchange = listings.fetch(PageRequest(agent.key, agent.key, Stage.PROFILE, 1, None, PARAMETERS))

        assert isinstance(outcome, ProfilePage), exchange
        assert agent.key == outcome.profile.agent_key
        assert outcome.profile.last_name
        assert outcome.profile.statistics.half_cents is not None


def test_somebody_who_is_not_there_is_not_found(listings: HttpListingSource) -> None:
    outcome, _ = listings.fetch(PageRequest("no'body", "no'body", Stage.PROFILE, 1, None, PARAMETERS))

    is_status = isinstance(outcome, Refused) and outcome.kind is Refusal.NOT_FOUND
    assert outcome == NotFound() or is_status, "by an empty list, or by a 404"


def test_every_sale_inside_the_window_arrives_exactly_once(listings: HttpListingSource, market: Market) -> None:
    for agent in market.agents[:10]:
        expected = {
            listing.key
            for listing in market.listings
            if listing.close_date is not None
            and PARAMETERS.cutoff <= listing.close_date <= AS_OF
            and listing.status == "Closed"
            and agent.key in (listing.list_agent, listing.co_list_agent, listing.buyer_agent, listing.co_buyer_agent)
        }
        found = all_records(listings, agent.key, Stage.HISTORICAL)

        assert expected == {
            record.key
            for record in found
            if record.close_date is not None and PARAMETERS.cutoff <= record.close_date <= AS_OF
        }


OFFSETS = """paginator:
      {type: offset, offset_param: $skip, limit_param: $top, limit: 7, total_path: '"@odata.count"'}"""
OFFSETS_WITHOUT_TOTAL = "paginator: {type: offset, offset_param: $skip, limit_param: $top, limit: 7}"
LINKS = """paginator: {type: json_link, next_url_path: '"@odata.nextLink"'}"""


@pytest.mark.parametrize("paginator", [OFFSETS, OFFSETS_WITHOUT_TOTAL], ids=["with a total", "without"])
def test_offsets_read_the_same_records_in_the_same_order_as_links(
    server: SandboxServer, market: Market, paginator: str
) -> None:
    text = (
        (TEMPLATES / "sandbox_reso.yaml").read_text(encoding="utf-8").replace("http://127.0.0.1:8765", server.base_url)
    )
    assert 2 == text.count(LINKS)
    counted = text.replace(LINKS, paginator).replace("      $orderby:", "      $count: true\n      $orderby:")

    by_text = [
        HttpListingSource(load_source(each, {"SANDBOX_TOKEN": "sandbox"}), OpenGate(), MachineClock())
        for each in (text, counted)
    ]
    for agent in market.agents[:8]:
        for stage in (Stage.ACTIVE, Stage.HISTORICAL):
            links, offsets = (all_records(listings, agent.key, stage) for listings in by_text)
            assert links == offsets
    for listings in by_text:
        listings.close()


def test_a_wrong_token_is_denied_with_the_apis_own_words(text: str) -> None:
    with HttpListingSource(load_source(text, {"SANDBOX_TOKEN": "wrong"}), OpenGate(), MachineClock()) as listings:
        outcome, _ = listings.fetch(PageRequest("K1", "K1", Stage.PROFILE, 1, None, PARAMETERS))

    said = "status 401: the bearer token is missing or (hidden)"
    assert Denied(f"{said}; it was asked with SANDBOX_TOKEN: set that right, then resume the batch") == outcome
