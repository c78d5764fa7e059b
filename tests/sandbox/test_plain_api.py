import pytest

from prograde.sandbox import Market, SandboxServer
from tests.sandbox.client import ask, every_record


@pytest.mark.parametrize(("name", "status"), [("sold", "Closed"), ("active", "Active")])
def test_numbered_pages_hold_the_same_listings_as_the_filter(
    market: Market, server: SandboxServer, name: str, status: str
) -> None:
    agent = max((agent.key for agent in market.agents), key=lambda key: sum(1 for _ in market.listings_of(key)))
    slots = ["ListAgentKey", "CoListAgentKey"] + (["BuyerAgentKey", "CoBuyerAgentKey"] if name == "sold" else [])
    anyone = " or ".join(f"{slot} eq '{agent}'" for slot in slots)
    expected = every_record(
        server, "Property", filter=f"({anyone}) and StandardStatus eq '{status}'", orderby="CloseDate desc,ListingKey"
    )

    first = ask(f"{server.plain_url}/agents/{agent}/{name}?per_page=7").body
    pages = [
        ask(f"{server.plain_url}/agents/{agent}/{name}?page={number}&per_page=7").body
        for number in range(1, first["meta"]["pages"] + 1)
    ]

    assert expected == [item for page in pages for item in page["data"]["items"]]
    assert {"page": 1, "pages": -(-len(expected) // 7), "total": len(expected)} == first["meta"]


def test_an_agent_is_one_item(market: Market, server: SandboxServer) -> None:
    body = ask(f"{server.plain_url}/agents/{market.agents[0].key}").body

    assert [market.agents[0].key] == [item["MemberKey"] for item in body["data"]["items"]]
    assert body["meta"] == {"page": 1, "pages": 1, "total": 1}


def test_a_page_after_the_last_is_empty(market: Market, server: SandboxServer) -> None:
    body = ask(f"{server.plain_url}/agents/{market.agents[0].key}/sold?page=999").body

    assert body["data"]["items"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/agents/nobody", 404),
        ("/agents/nobody/sold", 404),
        ("/agents/A000001/rented", 404),
        ("/agents/A000001/sold?page=0", 400),
        ("/agents/A000001/sold?per_page=many", 400),
        ("/agents/A000001/sold?$top=5", 400),
    ],
)
def test_mistakes_have_the_standards_error_body(server: SandboxServer, path: str, status: int) -> None:
    answer = ask(f"{server.plain_url}{path}")

    assert (status, str(status)) == (answer.status, answer.body["error"]["code"])


def test_the_token_is_asked_for_here_too(server: SandboxServer) -> None:
    assert ask(f"{server.plain_url}/agents/A000001", token=None).status == 401
