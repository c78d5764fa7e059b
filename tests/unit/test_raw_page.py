from dataclasses import replace

import pytest

from prograde.domain.listing import Rejection
from prograde.domain.outcome import Failure, ListingPage, ProfilePage
from prograde.domain.profile import Profile
from prograde.domain.raw_page import Exchange, page_records, raw_page_id
from tests.unit.examples import NOW, SALE

EXCHANGE = Exchange(
    sent_at=NOW,
    latency_ms=12.5,
    url="https://api.example.com/Property?page=1",
    status=200,
    headers=(("Retry-After", "3"),),
    body=b"{}",
    body_sha256="0" * 64,
)


def test_the_same_answer_to_the_same_step_is_the_same_row_whenever_it_came() -> None:
    again = replace(EXCHANGE, sent_at=NOW.replace(year=2027), latency_ms=99.0)

    assert raw_page_id("batch-1", "K1", 2, EXCHANGE) == raw_page_id("batch-1", "K1", 2, again)


@pytest.mark.parametrize(
    "other",
    [
        replace(EXCHANGE, status=500),
        replace(EXCHANGE, headers=(("Retry-After", "4"),)),
        replace(EXCHANGE, headers=()),
        replace(EXCHANGE, body_sha256="1" * 64),
    ],
    ids=["status", "header", "no header", "body"],
)
def test_another_answer_is_another_row(other: Exchange) -> None:
    assert raw_page_id("batch-1", "K1", 2, EXCHANGE) != raw_page_id("batch-1", "K1", 2, other)


def test_another_step_is_another_row() -> None:
    asked = [("batch-1", "K1", 2), ("batch-1", "K1", 3), ("batch-1", "K2", 2), ("batch-2", "K1", 2)]

    assert 4 == len({raw_page_id(*step, EXCHANGE) for step in asked})


def test_a_page_keeps_each_record_in_its_place() -> None:
    refused = Rejection("L2", "key: missing")
    assert (SALE, refused) == page_records(ListingPage((SALE, refused), None))


@pytest.mark.parametrize(
    "outcome", [ProfilePage(Profile()), Failure("timeout", "no answer")], ids=["profile", "failure"]
)
def test_only_a_page_of_listings_has_records(outcome: ProfilePage | Failure) -> None:
    assert () == page_records(outcome)
