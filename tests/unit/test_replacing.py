"""A copy of a dataclass with some fields changed, as the standard library makes it."""

import dataclasses
from datetime import UTC, datetime

import pytest

from prograde.domain.professional import Professional
from prograde.replacing import replace

PROFESSIONAL = Professional("b", "p", 0, datetime(2026, 6, 30, tzinfo=UTC))


@dataclasses.dataclass(frozen=True)
class Single:
    """A class of one field, which is read as a tuple of one."""

    value: tuple[int, ...]


def test_it_is_what_the_standard_library_gives() -> None:
    assert dataclasses.replace(PROFESSIONAL, step=3, cursor="next") == replace(PROFESSIONAL, step=3, cursor="next")
    assert PROFESSIONAL == replace(PROFESSIONAL)
    assert replace(PROFESSIONAL) is not PROFESSIONAL
    assert Single((3,)) == replace(Single((1, 2)), value=(3,))
    assert Single((1, 2)) == replace(Single((1, 2)))


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TypeError, match="stepp"):
        replace(PROFESSIONAL, stepp=3)  # type: ignore[call-arg]  # the checker knows it, too
