from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest

from prograde.sandbox import Market, SandboxServer
from prograde.sandbox.records import MEMBER, PROPERTY, encode_record, property_record
from tests.sandbox.client import ask, ask_reso, every_page, every_record

BUSIEST = "(ListAgentKey eq '{0}' or CoListAgentKey eq '{0}' or BuyerAgentKey eq '{0}' or CoBuyerAgentKey eq '{0}')"


@pytest.fixture(scope="module")
def busiest(market: Market) -> str:
    return max((agent.key for agent in market.agents), key=lambda key: sum(1 for _ in market.listings_of(key)))


def test_the_next_links_reach_every_record_once_and_in_order(market: Market, server: SandboxServer) -> None:
    keys = [record["ListingKey"] for record in every_record(server, "Property", orderby="ListingKey", top=200)]

    assert [listing.key for listing in market.listings] == keys


def test_an_agents_sales_fill_many_pages_newest_first(market: Market, server: SandboxServer, busiest: str) -> None:
    sold = f"{BUSIEST.format(busiest)} and StandardStatus eq 'Closed' and CloseDate ge {market.cutoff}"

    pages = list(every_page(server, "Property", filter=sold, orderby="CloseDate desc,ListingKey"))

    expected = {
        listing.key
        for listing in market.listings_of(busiest)
        if listing.status == "Closed" and listing.close_date and listing.close_date >= market.cutoff
    }
    records = [record for page in pages for record in page]
    assert len(pages) > 4
    assert all(len(page) == 50 for page in pages[:-1])
    assert expected == {record["ListingKey"] for record in records}
    assert len(expected) == len(records)
    assert all(
        (later["CloseDate"], earlier["ListingKey"]) <= (earlier["CloseDate"], later["ListingKey"])
        for earlier, later in pairwise(records)
    )


def test_the_next_link_keeps_every_option_and_the_clients_own_host(server: SandboxServer) -> None:
    port = server.base_url.rpartition(":")[2]
    query = quote("City eq 'Coeur d''Alene' and ClosePrice gt 1", safe="")

    answer = ask(
        f"{server.reso_url}/Property?%24filter={query}&$top=3&$count=true&$select=ListingKey,City",
        host=f"localhost:{port}",
    )

    link = answer.body["@odata.nextLink"]
    following = ask(link)
    assert link.startswith(f"http://localhost:{port}/reso/odata/Property?")
    assert "$skip=3" in link
    assert [{"ListingKey", "City"}] * 3 == [set(record) for record in following.body["value"]]
    assert answer.body["@odata.count"] == following.body["@odata.count"] > 6
    assert {"Coeur d'Alene"} == {record["City"] for record in following.body["value"]}


def test_nulls_come_last_in_both_directions(server: SandboxServer) -> None:
    for direction in ("asc", "desc"):
        dates = [
            record["CloseDate"]
            for record in every_record(
                server, "Property", orderby=f"CloseDate {direction}", select="CloseDate", top=1000
            )
        ]
        present = [day for day in dates if day is not None]

        assert sorted(present, reverse=direction == "desc") == present
        assert dates == present + [None] * (len(dates) - len(present))
        assert None in dates


def test_several_keys_order_one_within_the_other(server: SandboxServer) -> None:
    records = every_record(server, "Property", orderby="StandardStatus desc, ListPrice asc, ListingKey desc", top=1000)

    stable = sorted(records, key=lambda record: str(record["ListingKey"]), reverse=True)
    stable.sort(key=lambda record: float(record["ListPrice"]))
    stable.sort(key=lambda record: str(record["StandardStatus"]), reverse=True)
    assert stable == records


def test_a_count_without_records_needs_no_page(market: Market, server: SandboxServer) -> None:
    answer = ask_reso(server, "Property", count="true", top=0)

    assert len(market.listings) == answer.body["@odata.count"]
    assert answer.body["value"] == []
    assert "@odata.nextLink" not in answer.body


def test_the_page_never_holds_more_than_a_thousand(server: SandboxServer) -> None:
    assert len(ask_reso(server, "Property", top=999_999).body["value"]) == 1000


def test_a_member_is_found_by_key_and_by_filter(market: Market, server: SandboxServer) -> None:
    agent = market.agents[1]

    single = ask(f"{server.reso_url}/Member('{agent.key}')")
    encoded = ask(f"{server.reso_url}/Member%28%27{agent.key}%27%29?$select=MemberFullName")
    found = ask_reso(server, "Member", filter=f"MemberKey eq '{agent.key}'")

    assert agent.full_name == single.body["MemberFullName"] == encoded.body["MemberFullName"]
    context = single.body.pop("@odata.context")
    assert context.endswith("$metadata#Member/$entity")
    assert list(MEMBER.fields) == list(single.body)
    assert [single.body] == found.body["value"]


def test_a_key_that_nobody_has_is_404_alone_and_empty_in_a_collection(server: SandboxServer) -> None:
    single = ask(f"{server.reso_url}/Member('O''Nobody')")
    found = ask_reso(server, "Member", filter="MemberKey eq 'O''Nobody'")

    assert (404, "404", "MemberKey") == (single.status, *error_of(single.body))
    assert (200, []) == (found.status, found.body["value"])


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_a_missing_or_wrong_token_is_401(server: SandboxServer, token: str | None) -> None:
    answer = ask(f"{server.reso_url}/Property", token=token)

    assert (401, "401", "Authorization") == (answer.status, *error_of(answer.body))
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("$filter=Bathrooms%20eq%202", "Bathrooms"),
        ("$filter=(", "$filter"),
        ("$select=ListingKey,Bathrooms", "Bathrooms"),
        ("$orderby=Bathrooms", "Bathrooms"),
        ("$orderby=ListingKey%20upwards", "$orderby"),
        ("$expand=Media", "$expand"),
        ("page=2", "page"),
        ("$top=ten", "$top"),
        ("$skip=-1", "$skip"),
        ("$count=yes", "$count"),
        ("$top=1&$top=2", "$top"),
    ],
)
def test_what_cannot_be_understood_is_400_and_named(server: SandboxServer, query: str, target: str) -> None:
    answer = ask(f"{server.reso_url}/Property?{query}")

    assert (400, "400", target) == (answer.status, *error_of(answer.body))
    assert answer.body["error"]["details"] == [
        {"code": "400", "target": target, "message": answer.body["error"]["message"]}
    ]


@pytest.mark.parametrize("path", ["/", "/reso/odata/Office", "/reso/odata/Member('A1", "/reso/odata", "/plain"])
def test_an_unknown_path_is_404(server: SandboxServer, path: str) -> None:
    assert ask(f"{server.base_url}{path}").status == 404


def test_only_get_is_allowed(server: SandboxServer) -> None:
    assert ask(f"{server.reso_url}/Property", method="POST").status == 405


def test_a_price_is_written_exactly(market: Market) -> None:
    listing = next(listing for listing in market.listings if (listing.close_price_cents or 0) % 100)
    cents = listing.close_price_cents or 0

    assert f'{{"ClosePrice":{cents // 100}.{cents % 100:02d}}}' == encode_record(
        property_record(listing), ("ClosePrice",)
    )


def test_a_property_shows_every_field_that_it_declares(market: Market) -> None:
    assert PROPERTY.fields.keys() == property_record(market.listings[0]).keys()


def error_of(body: dict[str, Any]) -> tuple[str, str]:
    return body["error"]["code"], body["error"]["target"]
