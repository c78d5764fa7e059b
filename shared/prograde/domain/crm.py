"""What spreadsheets and CRMs take: the export's rows, in the shape that each of them imports without a question."""

import re

from prograde.domain.export import COLUMNS, phone_cell, safe_cell
from prograde.domain.money import dollars_text, sides_text
from prograde.domain.professional import Professional
from prograde.domain.profile import Profile

SALESFORCE_ROWS_MAX = 50_000
"""Of one file: what Salesforce's import wizard takes at a time."""
NO_COMPANY = "Independent"
"""Salesforce takes no lead without a company; a professional may have no office."""
LEAD_SOURCE = "prograde"

HUBSPOT_COLUMNS = (
    "First name",
    "Last name",
    "Email",
    "Phone number",
    "Company name",
    "City",
    "State/Region",
    "Lifecycle stage",
    "Professional ID",
    "Sales grade",
    "Sales rank",
    "Sales volume",
    "Sales volume is a floor",
    "Sides sold",
)
"""The last six are the account's own properties; HubSpot asks at the import which they are."""

SALESFORCE_COLUMNS = (
    "First Name",
    "Last Name",
    "Company",
    "Email",
    "Phone",
    "City",
    "State",
    "Lead Source",
    "Description",
    "Professional ID",
    "Sales Grade",
    "Sales Rank",
    "Sales Volume",
    "Sales Volume Is A Floor",
    "Sides Sold",
)
"""Last Name and Company are the ones that Salesforce requires; the last six are the account's own fields."""

_TEXT_COLUMNS = frozenset(COLUMNS.index(name) for name in ("professional_id", "phone", "license"))
# Digits and what stands between them in numbers, dates, times and powers of ten.
_READ_AS_NUMBER = re.compile(r"[+0-9][0-9.,/:eE+ -]*")
_KEPT_BY_EXCEL = re.compile(r"0|[1-9][0-9]{0,10}")
"""Whole numbers that Excel shows as they are: longer ones become powers of ten, and zeros in front are dropped."""


def excel_row(row: tuple[str, ...]) -> tuple[str, ...]:
    """Write a row of the export for Excel: ids, licences and phone numbers stay text, digit by digit."""
    return tuple(_excel_text(cell) if index in _TEXT_COLUMNS else cell for index, cell in enumerate(row))


def _excel_text(cell: str) -> str:
    """Keep Excel from reading a number or a date: a formula of digits and their punctuation alone runs nothing."""
    is_changed = _READ_AS_NUMBER.fullmatch(cell) and not _KEPT_BY_EXCEL.fullmatch(cell)
    return f'="{cell}"' if is_changed else cell


def hubspot_row(rank: int, grade: str, professional: Professional, email: str) -> tuple[str, ...]:
    """Write a HubSpot contact; `email` is the profile's, or "" where somebody of a better rank has it already."""
    profile = professional.profile or Profile()
    return (
        safe_cell(profile.first_name),
        safe_cell(profile.last_name),
        safe_cell(email),
        phone_cell(profile.phone),
        safe_cell(profile.office),
        safe_cell(profile.city),
        safe_cell(profile.state),
        "Lead",
        *_graded(rank, grade, professional),
    )


def is_hubspot_contact(professional: Professional, email: str) -> bool:
    """Tell whether HubSpot takes somebody: it wants a name or an e-mail address."""
    profile = professional.profile or Profile()
    return bool(profile.first_name or profile.last_name or email)


def salesforce_row(rank: int, grade: str, reasons: tuple[str, ...], professional: Professional) -> tuple[str, ...]:
    """Write a Salesforce lead; what it requires is never empty."""
    profile = professional.profile or Profile()
    last_name = profile.last_name or profile.full_name or professional.professional_id
    return (
        safe_cell(profile.first_name),
        safe_cell(last_name),
        safe_cell(profile.office or NO_COMPANY),
        safe_cell(profile.email),
        phone_cell(profile.phone),
        safe_cell(profile.city),
        safe_cell(profile.state),
        LEAD_SOURCE,
        safe_cell(f"Grade {grade}: {'; '.join(reasons)}"),
        *_graded(rank, grade, professional),
    )


def _graded(rank: int, grade: str, professional: Professional) -> tuple[str, ...]:
    figures = professional.aggregate
    return (
        safe_cell(professional.professional_id),
        safe_cell(grade),
        str(rank),
        dollars_text(figures.half_cents),
        "yes" if professional.volume_is_floor else "no",
        sides_text(figures.half_sides),
    )
