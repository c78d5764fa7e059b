"""
Exact amounts: integer cents, and half units for shared sides.

A side has one or two agents in the RESO Data Dictionary (ListAgentKey, CoListAgentKey; BuyerAgentKey,
CoBuyerAgentKey), so every share is a whole number of halves: volume is counted in half cents, sides in half
sides, and no float is ever added.
"""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_CENT = Decimal("0.01")

CENTS_MAX = 99_999_999_999_999
"""The most that RESO's Decimal(14,2) prices hold: 999,999,999,999.99."""


def cents(amount: object) -> int | None:
    """
    Read a price as whole cents; None where it is absent.

    Numbers and numeric strings are accepted ("IEEE754Compatible" servers send Decimal as strings); part cents are
    rounded half up. Raises ValueError for anything that is not an amount between 0 and CENTS_MAX.
    """
    if amount is None or amount == "":
        return None
    if type(amount) is int:
        value = amount * 100
    elif isinstance(amount, str | float | Decimal):
        value = _decimal_cents(amount)
    else:
        raise ValueError("not an amount")
    if not 0 <= value <= CENTS_MAX:
        raise ValueError("outside 0 to 999,999,999,999.99")
    return value


def _decimal_cents(amount: str | float | Decimal) -> int:
    text = str(amount).strip()
    if len(text) > 40 or "_" in text:  # noqa: PLR2004  # far beyond 14 digits: bounds the arithmetic below
        raise ValueError("not an amount")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("not an amount") from None
    if not value.is_finite() or value.adjusted() > 15:  # noqa: PLR2004  # an exponent no price has
        raise ValueError("not an amount")
    # One rounding only: multiplying first would round a long tail to the context's precision, and then again.
    return int(value.quantize(_CENT, ROUND_HALF_UP) * 100)


def dollars_text(half_cents: int) -> str:
    """Write half cents as dollars with two decimals, half a cent rounded up: what a spreadsheet and a CRM read."""
    whole_cents = (half_cents + 1) // 2
    return f"{whole_cents // 100}.{whole_cents % 100:02d}"


def exact_dollars_text(half_cents: int) -> str:
    """Write half cents as dollars, the half cent too: what a reason says must not round up to its threshold."""
    return f"{half_cents // 200}.{half_cents % 200 // 2:02d}{'5' if half_cents % 2 else ''}"


def sides_text(half_sides: int) -> str:
    """Write half sides as "12" or "12.5"."""
    return f"{half_sides // 2}.5" if half_sides % 2 else str(half_sides // 2)
