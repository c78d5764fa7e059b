"""What the export says of a professional, for people, spreadsheets and CRMs."""

import re
from dataclasses import asdict
from datetime import date

from prograde.domain.batch import Parameters
from prograde.domain.money import dollars_text, sides_text
from prograde.domain.professional import Professional
from prograde.domain.profile import Profile

COLUMNS = (
    "rank",
    "grade",
    "professional_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "office",
    "city",
    "state",
    "license",
    "sides",
    "volume",
    "volume_is_floor",
    "unpriced_sides",
    "sold_count",
    "sold_volume",
    "active_count",
    "active_volume",
    "first_close",
    "last_close",
    "days_since_last_sale",
    "stop_reason",
    "outcome",
    "rejected_records",
    "grade_reasons",
)

# OWASP's list ("CSV Injection"); a spreadsheet set to Japanese reads the full-width signs alike.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORMULA_SPACES = ("\t", "\r", "\n")

_PHONE = re.compile(r"(?P<number>\+?[0-9(][0-9() .\-/]+)( ?(x|ext\.?) ?[0-9]{1,6})?")
_PHONE_DIGITS = range(7, 16)
"""From a local number without its area code to the most that ITU-T E.164 allows."""


def export_row(
    rank: int | None, grade: str, reasons: tuple[str, ...], professional: Professional, as_of: date
) -> tuple[str, ...]:
    """Write a professional's cells, in the order of COLUMNS; nothing here depends on how the run went."""
    profile = professional.profile or Profile()
    figures = professional.aggregate
    last_close = figures.last_close
    return (
        "" if rank is None else str(rank),
        safe_cell(grade),
        safe_cell(professional.professional_id),
        safe_cell(profile.first_name),
        safe_cell(profile.last_name),
        safe_cell(profile.full_name),
        safe_cell(profile.email),
        phone_cell(profile.phone),
        safe_cell(profile.office),
        safe_cell(profile.city),
        safe_cell(profile.state),
        safe_cell(profile.license),
        sides_text(figures.half_sides),
        dollars_text(figures.half_cents),
        "yes" if professional.volume_is_floor else "no",
        sides_text(figures.unpriced_half_sides),
        str(figures.sold_count),
        dollars_text(2 * figures.sold_cents),
        str(figures.active_count),
        dollars_text(2 * figures.active_cents),
        "" if figures.first_close is None else figures.first_close.isoformat(),
        "" if last_close is None else last_close.isoformat(),
        "" if last_close is None else str((as_of - last_close).days),
        str(professional.stop_reason or ""),
        str(professional.state),
        str(figures.rejected_records),
        safe_cell("; ".join(reasons)),
    )


def written_parameters(parameters: Parameters) -> dict[str, object]:
    """Write parameters in the words, dollars and sides in which a run is given them, so that they start another."""
    tiers = [
        {
            "name": tier.name,
            "minimum_volume": dollars_text(2 * tier.minimum_cents),
            "minimum_sides": None if tier.minimum_half_sides is None else sides_text(tier.minimum_half_sides),
            "minimum_active_listings": tier.minimum_active_listings,
            "maximum_days_since_last_sale": tier.maximum_days_since_last_sale,
        }
        for tier in parameters.rubric.tiers
    ]
    given = {name: value for name, value in asdict(parameters).items() if name != "rubric"}
    return {**given, "tiers": [{name: value for name, value in tier.items() if value is not None} for tier in tiers]}


def safe_cell(text: str) -> str:
    """
    Keep a spreadsheet from running text as a formula: such a cell gets a leading apostrophe.

    A cell is dangerous by its first character; spaces before a sign hide nothing from a spreadsheet.
    """
    is_dangerous = text.startswith(_FORMULA_SPACES) or text.lstrip().startswith(_FORMULA_SIGNS)
    return f"'{text}" if is_dangerous else text


def phone_cell(text: str) -> str:
    """
    Write a phone number as it is, "+1 206 555 0100" too; anything else in its place is only text.

    A number has 7 to 15 digits: "+1-2-3" is a sum. A spreadsheet may take "+1-206-555-0100" for one as well, but
    digits and signs alone reach no other cell and no program, and a CRM must find the number unspoilt.
    """
    phone = _PHONE.fullmatch(text)
    digits = sum(char.isdigit() for char in phone["number"]) if phone else 0
    return text if digits in _PHONE_DIGITS else safe_cell(text)
