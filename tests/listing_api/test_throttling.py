import math
import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.adapters.listing_api.throttling import asked_wait
from prograde.adapters.listing_api.waits import WAIT_SECONDS_MAX
from prograde.domain.outcome import Refusal, Refused, Throttled
from tests.listing_api.answering_server import http_answer
from tests.listing_api.calls import fetch_one
from tests.listing_api.source_texts import NOW
from tests.listing_api.throttling_table import BEGIN, CHAPTERS, END, PAGE, Case, page_with, table, throttled

CASES = [case for chapter in CHAPTERS for case in chapter.cases]
READ = [
    "retry-after",
    "application-ratelimit-reset",
    "application-ratelimit-remaining",
    "burst-ratelimit-reset",
    "hour-quota-resettime",
    "hour-quota-available",
    "minute-quota-resettime",
    "x-ratelimit-requests-reset",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "ratelimit-reset",
    "ratelimit-remaining",
    "ratelimit",
    "ratelimit-policy",
]
LIKELY = st.from_regex(
    re.compile(
        r'("[a-z,;"\\]*"|[a-z]{1,3})?(;?(r|t|w|limit|remaining|reset)=)?[-+]?[0-9.]{0,20}[,;]? ?|'
        r"(Sat|Mon)?,? ?[0-9]{1,2} (Nov|Feb) [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[-+][0-9]{4})|"
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[-+][0-9]{2}:[0-9]{2})?",
        re.ASCII,
    ),
    fullmatch=True,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status} {dict(case.headers)}")
def test_each_answer_of_the_table_asks_for_the_wait_that_a_person_reads_in_it(case: Case) -> None:
    assert Throttled(case.asked) == throttled(case)


def test_the_page_shows_what_the_code_does() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert 1 == text.count(BEGIN) == text.count(END)
    assert page_with(text, table()) == text


@given(st.dictionaries(st.sampled_from(READ), st.text() | LIKELY | st.lists(LIKELY, max_size=4).map(", ".join)))
def test_any_headers_ask_for_a_finite_wait_or_for_none(headers: dict[str, str]) -> None:
    wait_seconds = asked_wait(headers, NOW)

    assert wait_seconds is None or 0 <= wait_seconds <= WAIT_SECONDS_MAX
    assert wait_seconds is None or math.isfinite(wait_seconds)


@given(st.integers(2, 3_600), st.sampled_from(["ratelimit-reset", "x-ratelimit-reset", "application-ratelimit-reset"]))
def test_a_reset_is_the_same_wait_in_every_unit(seconds: int, header: str) -> None:
    epoch = int(NOW.timestamp()) + seconds
    spellings = [seconds, epoch, epoch * 1_000, datetime.fromtimestamp(epoch, UTC).isoformat()]

    assert {float(seconds)} == {asked_wait({header: str(spelling)}, NOW) for spelling in spellings}


@pytest.mark.parametrize(
    "repeated", ['"', "\\", '"\\', "<", ",", ";", '"a",', "mon,", "1,", "9", "0-", "1;r=0,", "<>;", "a=", " "]
)
@pytest.mark.parametrize("header", ["retry-after", "ratelimit", "ratelimit-policy", "x-ratelimit-reset"])
def test_a_header_as_long_as_headers_get_is_read_in_no_time(repeated: str, header: str) -> None:
    # Sixteen lines of 64 kB, as the HTTP library joins them.
    headers = {"ratelimit": '"a";r=0', header: repeated * (1_000_000 // len(repeated))}

    started = time.process_time()
    asked_wait(headers, NOW)

    assert time.process_time() - started < 0.5


def test_several_headers_of_one_name_are_all_read() -> None:
    twice = ["Retry-After: 3", "Retry-After: Sat, 21 Nov 2026 12:00:07 GMT"]

    outcome, exchange = fetch_one(http_answer(b"", "429 Slow Down", twice))

    assert Throttled(7.0) == outcome
    assert [("retry-after", "3, Sat, 21 Nov 2026 12:00:07 GMT")] == [
        pair for pair in exchange.headers if "retry" in pair[0]
    ]


def test_a_403_is_throttling_only_where_the_source_says_so() -> None:
    says = {"response_filters": [{"http_codes": [403], "error_message_contains": "rate", "action": "rate_limited"}]}
    answer = http_answer(b'{"message":"Rate limit exceeded"}', "403 Forbidden", ["Retry-After: 7"])

    throttled_outcome, _ = fetch_one(answer, error_handler=says)
    refused, _ = fetch_one(answer)

    assert Throttled(7.0) == throttled_outcome
    assert Refused(Refusal.FORBIDDEN, "status 403: Rate limit exceeded; it was asked with LISTING_TOKEN") == refused
