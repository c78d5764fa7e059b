import csv
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from prograde.domain.aggregation import Aggregate
from prograde.domain.crm import SALESFORCE_ROWS_MAX
from prograde.domain.export import COLUMNS
from prograde.domain.professional import State, StopReason
from prograde.domain.profile import Profile
from prograde.ports import RankedRow
from prograde.use_cases.export_files import write_export
from tests.contracts.specimens import BATCH, PROFESSIONAL

FILES = {
    "graded.csv",
    "ungraded.csv",
    "grade_a_plus.csv",
    "grade_a.csv",
    "grade_b.csv",
    "grade_c.csv",
    "grade_d.csv",
    "grade_f.csv",
    "graded_excel.csv",
    "hubspot_contacts.csv",
    "salesforce_leads.csv",
}


def row(name: str, rank: int | None, grade: str) -> RankedRow:
    person = replace(
        PROFESSIONAL,
        professional_id=name,
        state=State.DONE if grade else State.FAILED,
        stop_reason=StopReason.LAST_PAGE if grade else StopReason.FAILURE_LIMIT,
        calls=3,
        profile=Profile(full_name='Ann "A." O\'Hara, Jr. 🏡'),
        aggregate=Aggregate(half_cents=5),
    )
    return RankedRow(rank, grade, ("because",), person)


ROWS = [row("one", 1, "A+"), row("two", 2, "A"), row("three", 2, "A"), row("lost", None, "")]


def cells(path: Path, column: str) -> Sequence[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [line[column] for line in csv.DictReader(file)]


def test_everybody_stands_in_the_file_of_all_and_in_that_of_their_grade_or_in_the_ungraded(tmp_path: Path) -> None:
    write_export(tmp_path, BATCH, ROWS)

    assert FILES == {path.name for path in tmp_path.iterdir()}
    assert ["one", "two", "three"] == cells(tmp_path / "graded.csv", "professional_id")
    assert ["one"] == cells(tmp_path / "grade_a_plus.csv", "professional_id")
    assert ["two", "three"] == cells(tmp_path / "grade_a.csv", "professional_id")
    assert [] == cells(tmp_path / "grade_b.csv", "professional_id")
    assert ["lost"] == cells(tmp_path / "ungraded.csv", "professional_id")


def test_a_file_is_utf_8_without_a_mark_its_lines_ended_by_crlf(tmp_path: Path) -> None:
    write_export(tmp_path, BATCH, ROWS[:1])

    lines = (tmp_path / "graded.csv").read_bytes().split(b"\r\n")

    assert [",".join(COLUMNS).encode(), b""] == [lines[0], lines[2]]
    assert 3 == len(lines)
    assert '"Ann ""A."" O\'Hara, Jr. 🏡"'.encode() in lines[1]


def test_what_was_written_is_counted_and_measured(tmp_path: Path) -> None:
    export = write_export(tmp_path, BATCH, iter(ROWS))

    content = (tmp_path / "graded.csv").read_bytes()
    assert {"rows": 3, "bytes": len(content), "sha256": sha256(content).hexdigest()} == export.files["graded.csv"]
    assert FILES == export.files.keys()
    assert {"done": 3, "failed": 1} == export.by_state
    assert {"A+": 1, "A": 2, "B": 0, "C": 0, "D": 0, "F": 0} == export.by_grade
    assert 12 == export.calls


def test_the_digest_is_that_of_the_csvs_and_of_nothing_that_depends_on_how_the_run_went(tmp_path: Path) -> None:
    digests = []
    for number, rows in enumerate(
        (ROWS, ROWS[::-1], [replace(r, professional=replace(r.professional, calls=9, step=9)) for r in ROWS])
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        digests.append(write_export(folder, BATCH, rows).digest)

    assert digests[0] == digests[2] != digests[1]


def with_email(row: RankedRow, email: str) -> RankedRow:
    profile = Profile(full_name="Ann", first_name="", last_name="Ann", email=email)
    return replace(row, professional=replace(row.professional, profile=profile))


def test_excel_finds_a_byte_order_mark_and_the_rows_of_all(tmp_path: Path) -> None:
    write_export(tmp_path, BATCH, ROWS)

    content = (tmp_path / "graded_excel.csv").read_bytes()

    assert content == b"\xef\xbb\xbf" + (tmp_path / "graded.csv").read_bytes()


def test_of_those_who_share_an_address_only_the_best_keeps_it(tmp_path: Path) -> None:
    rows = [
        with_email(each, email) for each, email in zip(ROWS, ("Ann@x.com", "ann@X.com", "bo@x.com", ""), strict=True)
    ]

    export = write_export(tmp_path, BATCH, rows)

    assert ["Ann@x.com", "", "bo@x.com"] == cells(tmp_path / "hubspot_contacts.csv", "Email")
    assert 3 == export.files["hubspot_contacts.csv"]["rows"]


def test_leads_are_split_where_salesforce_would_stop(tmp_path: Path) -> None:
    people = [row(f"p{number}", number + 1, "A") for number in range(SALESFORCE_ROWS_MAX + 1)]

    export = write_export(tmp_path, BATCH, people)

    assert SALESFORCE_ROWS_MAX == export.files["salesforce_leads.csv"]["rows"]
    assert [f"p{SALESFORCE_ROWS_MAX}"] == cells(tmp_path / "salesforce_leads_2.csv", "Professional ID")
