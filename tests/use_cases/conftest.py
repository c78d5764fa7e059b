"""A bench of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.use_cases.bench import Bench, opened


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with opened(tmp_path) as bench:
        yield bench
