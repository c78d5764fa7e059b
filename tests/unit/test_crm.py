from dataclasses import replace

import pytest

from prograde.domain.crm import (
    HUBSPOT_COLUMNS,
    SALESFORCE_COLUMNS,
    excel_row,
    hubspot_row,
    is_hubspot_contact,
    salesforce_row,
)
from prograde.domain.export import COLUMNS, export_row
from prograde.domain.professional import Professional
from prograde.domain.profile import Profile
from tests.unit.examples import AS_OF
from tests.unit.test_export import GRADED


def contact(professional: Professional, email: str = "ada@example.com") -> dict[str, str]:
    return dict(zip(HUBSPOT_COLUMNS, hubspot_row(3, "C", professional, email), strict=True))


def lead(professional: Professional) -> dict[str, str]:
    return dict(zip(SALESFORCE_COLUMNS, salesforce_row(3, "C", ("volume 1 >= 0",), professional), strict=True))


def excel(professional: Professional) -> dict[str, str]:
    row = export_row(3, "C", ("because",), professional, AS_OF)
    return dict(zip(COLUMNS, excel_row(row), strict=True))


def test_a_contact_has_hubspot_s_own_columns_and_the_grade() -> None:
    assert {
        "First name": "Ada",
        "Last name": "Byron",
        "Email": "ada@example.com",
        "Phone number": "+1 206 555 0100",
        "Company name": "Byron & Co",
        "City": "Kent",
        "State/Region": "WA",
        "Lifecycle stage": "Lead",
        "Professional ID": "K1",
        "Sales grade": "C",
        "Sales rank": "3",
        "Sales volume": "1234567.90",
        "Sales volume is a floor": "no",
        "Sides sold": "12.5",
    } == contact(GRADED)


def test_hubspot_takes_nobody_without_a_name_and_an_address() -> None:
    nameless = replace(GRADED, profile=Profile())

    assert is_hubspot_contact(GRADED, "")
    assert is_hubspot_contact(nameless, "ada@example.com")
    assert not is_hubspot_contact(nameless, "")


def test_a_lead_has_salesforce_s_own_columns_and_says_why() -> None:
    row = lead(GRADED)

    assert ("Ada", "Byron", "Byron & Co") == (row["First Name"], row["Last Name"], row["Company"])
    assert "Grade C: volume 1 >= 0" == row["Description"]
    assert ("K1", "C", "3", "1234567.90") == (
        row["Professional ID"],
        row["Sales Grade"],
        row["Sales Rank"],
        row["Sales Volume"],
    )


@pytest.mark.parametrize(
    ("profile", "last_name"),
    [(None, "K1"), (Profile(), "K1"), (Profile(full_name="Cher"), "Cher"), (Profile(last_name="B", office="O"), "B")],
)
def test_what_salesforce_requires_is_never_empty(profile: Profile | None, last_name: str) -> None:
    row = lead(replace(GRADED, professional_id="K1", profile=profile))

    assert last_name == row["Last Name"]
    assert row["Company"] == ("O" if profile and profile.office else "Independent")


@pytest.mark.parametrize("text", ["=1+1", "-1", "@x"])
def test_no_cell_of_a_crm_file_is_left_to_run(text: str) -> None:
    hostile = replace(GRADED, professional_id=text, profile=Profile(text, text, text, text, text, text, text, text))

    for row in (contact(hostile, text), lead(hostile)):
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("text", ["007", "123456789012", "+12065550100", "1-2", "12E4", "1/2", "12:30", "206.555.0100"])
def test_excel_gets_as_text_what_it_would_read_as_another_number_or_a_date(text: str) -> None:
    person = replace(GRADED, professional_id=text if text[0] != "+" else "K1", profile=Profile(phone=text))

    row = excel(person)

    assert f'="{text}"' == row["phone" if text[0] == "+" else "professional_id"]


@pytest.mark.parametrize("text", ["0", "7", "2065550100", "K007", "M-12", "=1+1"])
def test_excel_gets_as_it_is_what_it_shows_as_it_is(text: str) -> None:
    row = excel(replace(GRADED, professional_id=text))

    assert row["professional_id"] == ("'=1+1" if text == "=1+1" else text)
    assert "1234567.90" == row["volume"]
