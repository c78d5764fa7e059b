from dataclasses import replace

import pytest

from prograde.domain.listing import Rejection
from prograde.domain.outcome import Denied, Failure, ListingPage, NotFound, Outcome, ProfilePage, Throttled
from prograde.domain.profile import Profile
from prograde.domain.raw_page import Exchange, outcome_detail, page_records, raw_page_id
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


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        (Failure("timeout", "no answer"), "timeout: no answer"),
        (Denied("status 401: token expired"), "status 401: token expired"),
        (Throttled(2.5), "asks to wait 2.5 s"),
        (Throttled(None), "asks for fewer calls"),
        (NotFound(), ""),
        (ProfilePage(Profile()), ""),
        (ListingPage((SALE,), None), ""),
    ],
    ids=repr,
)
def test_a_row_says_why_it_is_no_page(outcome: Outcome, detail: str) -> None:
    assert detail == outcome_detail(outcome)
