from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prograde.domain.money import CENTS_MAX, cents, dollars_text, exact_dollars_text, sides_text


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, None),
        ("", None),
        (0, 0),
        (1, 100),
        (300_000, 300_000_00),
        (299_999.99, 299_999_99),
        (0.1, 10),
        ("450000", 450_000_00),
        ("450000.5", 450_000_50),
        (" 12.34 ", 12_34),
        ("4.5e5", 450_000_00),
        (Decimal("12.34"), 12_34),
        ("0.005", 1),
        ("0.0049", 0),
        ("1.004999999999999999999999999999999999", 1_00),
        ("1e-999999999", 0),
        (-0.0, 0),
        ("-0", 0),
        ("999999999999.99", CENTS_MAX),
    ],
)
def test_an_amount_is_read_as_whole_cents(amount: object, expected: int | None) -> None:
    assert expected == cents(amount)


@pytest.mark.parametrize(
    "amount",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "1e400",
        1e16,
        pytest.param(10**5000, id="huge"),
        -1,
        -0.01,
        "-0.01",
        True,
        False,
        " ",
        "1_000",
        "1,000",
        "$1000",
        "0x10",
        "NaN",
        "sNaN",
        "Infinity",
        "1e999999999",
        "1e-99999999999999999999",
        "9" * 41,
        "999999999999.995",
        "\ud800",
        b"12",
        [],
        {},
        [12],
    ],
    ids=repr,
)
def test_what_is_no_price_is_refused(amount: object) -> None:
    with pytest.raises(ValueError, match=r"not an amount|outside 0 to"):
        cents(amount)


@given(st.integers(0, CENTS_MAX))
def test_every_price_of_two_decimals_is_read_exactly_as_text_and_as_decimal(whole: int) -> None:
    text = f"{whole // 100}.{whole % 100:02d}"

    assert (whole, whole) == (cents(text), cents(Decimal(text)))


@given(st.integers(0, 10**15 - 1))
def test_a_json_float_of_up_to_fifteen_digits_loses_no_cent(digits: int) -> None:
    assert min(digits, CENTS_MAX) == cents(min(digits, CENTS_MAX) / 100)


@given(st.text() | st.floats() | st.integers() | st.decimals() | st.none() | st.booleans())
def test_reading_gives_cents_or_a_value_error(amount: object) -> None:
    try:
        value = cents(amount)
    except ValueError:
        return
    assert value is None or 0 <= value <= CENTS_MAX


def test_a_narrow_ambient_precision_changes_no_price() -> None:
    with localcontext(prec=20):
        assert 999_999_999_999_98 == cents("999999999999.98")


@pytest.mark.parametrize(
    ("half_cents", "rounded", "exact"),
    [
        (0, "0.00", "0.00"),
        (1, "0.01", "0.005"),
        (2, "0.01", "0.01"),
        (199, "1.00", "0.995"),
        (200, "1.00", "1.00"),
        (8_000_000_000, "40000000.00", "40000000.00"),
        (7_999_999_999, "40000000.00", "39999999.995"),
    ],
)
def test_half_cents_are_written_as_dollars(half_cents: int, rounded: str, exact: str) -> None:
    assert (rounded, exact) == (dollars_text(half_cents), exact_dollars_text(half_cents))


@given(st.integers(0, 10**18))
def test_exact_dollars_are_exact(half_cents: int) -> None:
    assert Fraction(half_cents, 200) == Fraction(exact_dollars_text(half_cents))


@pytest.mark.parametrize(("half_sides", "expected"), [(0, "0"), (1, "0.5"), (2, "1"), (25, "12.5")])
def test_half_sides_are_written_as_sides(half_sides: int, expected: str) -> None:
    assert expected == sides_text(half_sides)
