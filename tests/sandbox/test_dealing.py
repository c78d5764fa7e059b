import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from prograde.sandbox import Market, SalesFileError, SandboxServer, deal_sales, reckon
from prograde.sandbox.publishing import write_dealt
from tests.sandbox.client import every_record

HEADER = "parcel_id,sale_date,price_usd,zipcode\n"


@pytest.fixture(scope="module")
def sales_file(shared_data: Path) -> Path:
    return shared_data / "king_county_sales.csv"


@pytest.fixture(scope="module")
def dealt_market(sales_file: Path) -> Market:
    return deal_sales(sales_file, 1_000, 7)


def test_sales_and_dealt_file_are_all_that_the_server_says_was_sold(
    sales_file: Path, dealt_market: Market, tmp_path: Path
) -> None:
    write_dealt(tmp_path / "dealt.csv", dealt_market)
    with (
        sales_file.open(encoding="utf-8", newline="") as sales,
        (tmp_path / "dealt.csv").open(encoding="utf-8", newline="") as dealt,
    ):
        expected = [
            {
                "ListingKey": hands["listing_key"],
                "ListingId": sale["parcel_id"],
                "ClosePrice": int(sale["price_usd"]),
                "CloseDate": sale["sale_date"],
                "PostalCode": sale["zipcode"],
                "ListAgentKey": hands["list_agent_key"],
                "CoListAgentKey": hands["co_list_agent_key"] or None,
                "BuyerAgentKey": hands["buyer_agent_key"],
                "CoBuyerAgentKey": hands["co_buyer_agent_key"] or None,
            }
            for row, (sale, hands) in enumerate(zip(csv.DictReader(sales), csv.DictReader(dealt), strict=True), 1)
            if hands["sale_row"] == str(row)
        ]
    with SandboxServer(dealt_market, page_size=1000) as server:
        served = every_record(
            server, "Property", filter="StandardStatus eq 'Closed'", select=",".join(expected[0]), orderby="ListingKey"
        )

    assert len(expected) == 21_613
    assert expected == served


def test_real_production_is_heavy_tailed(dealt_market: Market) -> None:
    volumes = [production.split.volume_cents / 100 for production in reckon(dealt_market).values()]

    assert sum(volume >= 40_000_000 for volume in volumes) >= 10
    assert sum(volume < 2_500_000 for volume in volumes) >= 200


def test_every_sale_has_two_sides_and_nobody_has_more_than_nineteen_pages(dealt_market: Market) -> None:
    closed = [listing for listing in dealt_market.listings if listing.status == "Closed"]

    assert all(listing.list_side and listing.buyer_side for listing in closed)
    assert max(Counter(key for listing in closed for key in listing.agents).values()) <= 19 * 50


def test_the_markets_date_is_that_of_the_last_sale(dealt_market: Market) -> None:
    assert dealt_market.as_of == date(2015, 5, 27)


def test_the_same_file_and_seed_are_dealt_alike(sales_file: Path, dealt_market: Market) -> None:
    assert dealt_market == deal_sales(sales_file, 1_000, 7)
    assert dealt_market != deal_sales(sales_file, 1_000, 8)


def test_two_sales_of_a_parcel_are_two_listings(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(HEADER + "77,2026-01-02,100.50,98101\n77,2026-02-03,200,98101\n", encoding="utf-8-sig")

    market = deal_sales(path, 1, 1, as_of=date(2026, 3, 1))
    sold = [listing for listing in market.listings if listing.status == "Closed"]

    assert [("77", 100_50), ("77", 200_00)] == [(it.listing_id, it.close_price_cents) for it in sold]
    assert market.as_of == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column parcel_id, sale_date, price_usd, zipcode"),
        ("parcel_id,sale_date,zipcode\n", "no column price_usd"),
        (HEADER, "holds no sales"),
        (HEADER + "7,2026-02-30,1,98101\n", r"line 2: sale_date '2026-02-30' is no date: write it as"),
        (HEADER + "7,2026-02-03,1,98101\n8,2026-02-03,-5,98101\n", r"line 3: price_usd '-5' is no price: write it as"),
        (HEADER + "7,2026-02-03\n", r"line 2: price_usd '' is no price"),
    ],
)
def test_a_bad_sales_file_is_refused_by_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SalesFileError, match=message):
        deal_sales(path, 10, 1)


def test_a_sales_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SalesFileError, match="cannot be read"):
        deal_sales(tmp_path / "none.csv", 10, 1)
