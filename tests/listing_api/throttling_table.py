"""
Every way tried in which a listing API asks to wait, and the wait that each led to: the table in docs/throttling.md.

Run it with `python -m tests.listing_api.throttling_table`; `--write` puts the table into the page.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from prograde.adapters.listing_api.error_handler import RateLimitedFilter, refusal
from prograde.domain.advancing import advance
from prograde.domain.batch import Parameters
from prograde.domain.outcome import Throttled
from prograde.domain.professional import Professional

PAGE = Path(__file__).parents[2] / "docs" / "throttling.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PARAMETERS = Parameters(as_of=date(2026, 11, 20), cutoff=date(2025, 11, 20))
FILTERS = (RateLimitedFilter(frozenset({403}), "rate"),)
EPOCH_30S = int(NOW.timestamp()) + 30


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and the seconds that it is taken to ask for; None where it says nothing readable."""

    headers: Mapping[str, str]
    asked: float | None
    status: int = 429
    body: bytes = b""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Answers that belong together."""

    title: str
    cases: list[Case] = field(default_factory=list)


def _retry_after(value: str, asked: float | None, note: str = "") -> Case:
    return Case({"Retry-After": value}, asked, note=note)


CHAPTERS = [
    Chapter(
        "Status alone",
        [
            Case({}, None, note="as MLS Grid and Spark do"),
            Case({"Retry-After": "30"}, 30.0, status=503),
            Case({"Retry-After": "soon"}, None, status=503),
            Case(
                {"Retry-After": "30"}, 30.0, status=403, body=b'{"message":"Rate limit"}', note="by a response filter"
            ),
            Case({}, None, status=403, body=b"<html>rate exceeded</html>", note="by a response filter"),
        ],
    ),
    Chapter(
        "Retry-After",
        [
            _retry_after("30", 30.0),
            _retry_after("1.5", 1.5),
            _retry_after("0", 0.0, "zero"),
            _retry_after("-5", 0.0, "negative"),
            _retry_after("999999999999", 999_999_999_999.0, "absurd"),
            _retry_after("9" * 40, 1e15, "beyond belief"),
            _retry_after("Sat, 21 Nov 2026 12:00:30 GMT", 30.0, "HTTP date"),
            _retry_after("Saturday, 21-Nov-26 12:00:30 GMT", 30.0, "its old form"),
            _retry_after("Sat, 21 Nov 2026 11:59:00 GMT", 0.0, "past"),
            _retry_after("Fri, 31 Dec 9999 23:59:59 GMT", 251_607_038_399.0, "far"),
            _retry_after("2026-11-21T12:00:30Z", 30.0, "ISO 8601"),
            _retry_after("30, 7", 30.0, "several: the longest"),
            _retry_after("7, Sat, 21 Nov 2026 12:00:30 GMT", 30.0, "several: the longest"),
            _retry_after("soon, 7", 7.0, "several: what can be read"),
            _retry_after("soon", None),
            _retry_after("", None),
            _retry_after("1e3", None),
            _retry_after("nan", None),
            Case({"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 7.0, note="first"),
            Case({"Retry-After": "soon", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 30.0, note="next"),
        ],
    ),
    Chapter(
        "Bridge",
        [
            Case({"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": str(EPOCH_30S)}, 30.0),
            Case({"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": f"{EPOCH_30S}000"}, 30.0),
            Case(
                {"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": "2026-11-21T12:00:30.000Z"},
                30.0,
            ),
            Case({"Burst-RateLimit-Remaining": "0", "Burst-RateLimit-Reset": "30"}, 30.0),
            Case({"Burst-RateLimit-Remaining": "0", "Burst-RateLimit-Reset": "30000"}, 30.0, note="more than a minute"),
            Case(
                {
                    "Application-RateLimit-Remaining": "4711",
                    "Application-RateLimit-Reset": "1800",
                    "Burst-RateLimit-Remaining": "0",
                    "Burst-RateLimit-Reset": "30",
                },
                30.0,
                note="the exhausted one",
            ),
            Case(
                {
                    "Application-RateLimit-Remaining": "0",
                    "Application-RateLimit-Reset": "1800",
                    "Burst-RateLimit-Remaining": "0",
                    "Burst-RateLimit-Reset": "30",
                },
                1800.0,
                note="both exhausted",
            ),
            Case({"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": "1"}, 1.0),
            Case(
                {"Application-RateLimit-Remaining": "0", "Application-RateLimit-Reset": "1500000000"}, 0.0, note="past"
            ),
        ],
    ),
    Chapter(
        "Trestle",
        [
            Case({"Hour-Quota-Available": "0", "Hour-Quota-ResetTime": f"{EPOCH_30S}000"}, 30.0),
            Case({"Hour-Quota-Limit": "7200.0", "Hour-Quota-ResetTime": f"{EPOCH_30S}000"}, 30.0),
            Case(
                {
                    "Hour-Quota-Available": "7000.0",
                    "Hour-Quota-ResetTime": f"{EPOCH_30S + 1000}000",
                    "Minute-Quota-Available": "0.0",
                    "Minute-Quota-ResetTime": f"{EPOCH_30S}000",
                },
                30.0,
            ),
        ],
    ),
    Chapter(
        "RapidAPI and many others",
        [
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 30.0),
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(EPOCH_30S)}, 30.0),
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{EPOCH_30S}000"}, 30.0),
            Case({"X-RateLimit-Reset": "30"}, 30.0, note="nothing says what remains"),
            Case({"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "30"}, 30.0),
            Case({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "30"}, None, note="not exhausted"),
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}, None),
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-30"}, 0.0),
            Case({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 20}, 1e15, note="absurd"),
            Case(
                {
                    "X-RateLimit-Requests-Remaining": "400",
                    "X-RateLimit-Requests-Reset": "1900800",
                    "X-RateLimit-Remaining": "0",
                    "X-RateLimit-Reset": "30",
                },
                30.0,
                note="its 60 seconds",
            ),
            Case(
                {
                    "X-RateLimit-Requests-Remaining": "0",
                    "X-RateLimit-Requests-Reset": "1900800",
                    "X-RateLimit-Remaining": "9",
                    "X-RateLimit-Reset": "30",
                },
                1_900_800.0,
                note="its plan",
            ),
        ],
    ),
    Chapter(
        "The IETF drafts",
        [
            Case({"RateLimit-Limit": "20", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 30.0, note="to 06"),
            Case({"RateLimit": "limit=20, remaining=0, reset=30"}, 30.0, note="07"),
            Case({"RateLimit": "limit=20, remaining=3, reset=30"}, None, note="07, not exhausted"),
            Case({"RateLimit": '"default";r=0;t=30'}, 30.0, note="08 to 11"),
            Case({"RateLimit": '"default";r=3;t=30'}, None, note="not exhausted"),
            Case({"RateLimit": '"burst";r=9;t=1, "daily";r=0;t=30'}, 30.0, note="several"),
            Case({"RateLimit": '"a, b;r=9";r=0;t=30'}, 30.0, note="a name with commas"),
            Case({"RateLimit": '"default";r=0', "RateLimit-Policy": '"default";q=100;w=60'}, 60.0, note="at most"),
            Case({"RateLimit": '"default";r=0'}, None),
            Case({"RateLimit": "soon"}, None),
            Case({"RateLimit-Remaining": "0", "RateLimit-Reset": "7", "RateLimit": '"default";r=0;t=30'}, 7.0),
        ],
    ),
]


def throttled(case: Case) -> Throttled:
    """Sort the answer; it is a throttled one."""
    headers = {name.lower(): value for name, value in case.headers.items()}
    outcome = refusal(case.status, headers, case.body, NOW, FILTERS)
    assert isinstance(outcome, Throttled), outcome
    return outcome


def waited_seconds(outcome: Throttled) -> float:
    """Give the seconds until a professional's next call, when this is its first throttled one."""
    fresh = Professional(batch_id="b1", professional_id="K1", sequence=0, due_at=NOW)
    return (advance(fresh, outcome, PARAMETERS, NOW).due_at - NOW).total_seconds()


def table() -> str:
    """Write the table as the code has it now."""
    lines = ["| Status | Headers | Asks for | Waits |", "|---|---|---|---|"]
    for chapter in CHAPTERS:
        lines.append(f"| | **{chapter.title}** | | |")
        for case in chapter.cases:
            outcome = throttled(case)
            shown = "<br>".join(f"`{f'{name}: {value}'.strip()}`" for name, value in case.headers.items())
            said = " ".join(filter(None, (shown or "none", case.note and f"({case.note})")))
            asked = "nothing" if outcome.wait_seconds is None else f"{outcome.wait_seconds:,.15g} s"
            lines.append(f"| {case.status} | {said} | {asked} | {waited_seconds(outcome):,.4g} s |")
    return "\n".join(lines) + "\n"


def page_with(text: str, shown: str) -> str:
    """Put a table between the page's marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{shown}{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), table()), encoding="utf-8")
    else:
        sys.stdout.write(table())
