"""Numbers that look random and depend on nothing but what they are drawn for."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_Option = TypeVar("_Option")


def draw(seed: int, *purpose: str | int) -> float:
    """Draw a number from [0, 1): the same for the same seed and purpose, on every machine and in any order."""
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53  # as many bits as a float holds, or it might round up to 1


def choose(options: Sequence[_Option], seed: int, *purpose: str | int) -> _Option:
    """Choose one of these."""
    return options[int(draw(seed, *purpose) * len(options))]
