from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.aggregation import Aggregate
from prograde.domain.export import COLUMNS, export_row, phone_cell, safe_cell
from prograde.domain.professional import CountedPage, Professional, Stage, State, StopReason
from prograde.domain.profile import Profile
from tests.unit.examples import AS_OF, NEWCOMER, NOW

GRADED = replace(
    NEWCOMER,
    state=State.DONE,
    stop_reason=StopReason.CUTOFF_REACHED,
    profile=Profile(
        "K1", "Ada", "Byron", "Ada Byron", "ada@example.com", "+1 206 555 0100", "Byron & Co", "Kent", "WA", "77"
    ),
    aggregate=Aggregate(
        half_cents=2 * 1_234_567_89 + 1,
        half_sides=25,
        unpriced_half_sides=1,
        sold_count=13,
        sold_cents=1_300_000_00,
        active_count=2,
        active_cents=900_000_50,
        first_close=date(2025, 7, 1),
        last_close=date(2026, 6, 1),
        rejected_records=4,
    ),
)


def cells(professional: Professional, rank: int | None = 3, grade: str = "C") -> dict[str, str]:
    row = export_row(rank, grade, ("volume 1234567.895 >= 5.00", "not B: too little"), professional, AS_OF)
    return dict(zip(COLUMNS, row, strict=True))


def test_every_column_has_its_cell() -> None:
    assert {
        "rank": "3",
        "grade": "C",
        "professional_id": "K1",
        "first_name": "Ada",
        "last_name": "Byron",
        "full_name": "Ada Byron",
        "email": "ada@example.com",
        "phone": "+1 206 555 0100",
        "office": "Byron & Co",
        "city": "Kent",
        "state": "WA",
        "license": "77",
        "sides": "12.5",
        "volume": "1234567.90",
        "volume_is_floor": "no",
        "unpriced_sides": "0.5",
        "sold_count": "13",
        "sold_volume": "1300000.00",
        "active_count": "2",
        "active_volume": "900000.50",
        "first_close": "2025-07-01",
        "last_close": "2026-06-01",
        "days_since_last_sale": "29",
        "stop_reason": "cutoff_reached",
        "outcome": "done",
        "rejected_records": "4",
        "grade_reasons": "volume 1234567.895 >= 5.00; not B: too little",
    } == cells(GRADED)


def test_who_has_no_profile_no_sale_and_no_rank_has_empty_cells() -> None:
    row = cells(replace(NEWCOMER, state=State.CANCELLED, stop_reason=StopReason.CANCELLED), rank=None, grade="")

    empty = {name for name, cell in row.items() if cell == ""}
    assert {
        *("rank", "grade", "first_name", "last_name", "full_name", "email", "phone", "office", "city", "state"),
        *("license", "first_close", "last_close", "days_since_last_sale"),
    } == empty


def test_a_floor_is_marked() -> None:
    assert "yes" == cells(replace(GRADED, volume_is_floor=True))["volume_is_floor"]


def test_a_sale_on_the_last_day_is_no_days_ago() -> None:
    row = cells(replace(GRADED, aggregate=replace(GRADED.aggregate, last_close=AS_OF)))

    assert "0" == row["days_since_last_sale"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.com")',
        "+1-2-3",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\tplain",
        "\rplain",
        "\nplain",
        "  =1",
        "\u00a0=1",
        "＝1",  # noqa: RUF001  # the full-width signs are the case
        "＋1",  # noqa: RUF001  # as above
        "－1",  # noqa: RUF001  # as above
        "＠SUM",  # noqa: RUF001  # as above
        "=",
    ],
    ids=repr,
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert f"'{text}" == safe_cell(text)


@pytest.mark.parametrize("text", ["", "Ada", "ada@example.com", "1-2", "A+", "O'Neil", "Byron = Co", "漢", " Ada"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert text == safe_cell(text)


@pytest.mark.parametrize(
    "text",
    [
        "+1 206 555 0100",
        "+1-206-555-0100",
        "+1 (206) 555-0100",
        "(206) 555-0100",
        "206.555.0100",
        "+12065550100",
        "+44 20 7946 0958",
        "+49 30/901820",
        "206-555-0100 x12",
        "+1 206 555 0100 ext. 12",
        "555-0100",
        "",
    ],
)
def test_a_phone_number_is_not_spoiled(text: str) -> None:
    assert text == phone_cell(text)


@pytest.mark.parametrize(
    "text",
    [
        "+1-2-3",
        "=1+1",
        "+1+2065550100",
        "-2065550100",
        "+12065550100*2",
        "+1234567890123456",
        "+A1 206 555 0100",
        "@206",
    ],
)
def test_what_is_no_phone_number_is_neutralised_as_text(text: str) -> None:
    assert f"'{text}" == phone_cell(text)


@given(st.text(max_size=12))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    assert not safe_cell(text).lstrip().startswith(("=", "+", "-", "@"))
    assert safe_cell(text).removeprefix("'") == text.removeprefix("'")


hostile = st.sampled_from(["=1", "+1-2-3", " -1", "@x", "Ada"])


@given(st.builds(Profile, *[hostile] * 10), hostile, hostile)
def test_no_text_of_a_row_is_left_to_run(profile: Profile, professional_id: str, grade: str) -> None:
    professional = replace(GRADED, profile=profile, professional_id=professional_id)

    row = export_row(1, grade, (grade,), professional, AS_OF)

    assert not [cell for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]


counts = st.integers(0, 9)


@given(counts, counts, counts, counts, counts, counts)
def test_no_cell_depends_on_how_the_run_went(
    calls: int, step: int, wake: int, epoch: int, sequence: int, failures: int
) -> None:
    moment = NOW + timedelta(seconds=step)
    elsewhere = replace(
        GRADED,
        batch_id=f"batch-{calls}",
        sequence=sequence,
        due_at=moment,
        step=step,
        wake=wake,
        epoch=epoch,
        page=1 + wake,
        calls=calls,
        failures_in_a_row=failures,
        troubles_in_a_row=failures,
        last_failure="a timeout" * failures,
        ledger=(CountedPage(step, Stage.PROFILE, 1, f"raw-{step}"),),
    )

    assert cells(GRADED) == cells(elsewhere)
