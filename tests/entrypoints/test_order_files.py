from pathlib import Path

import pytest

from prograde.entrypoints.order_files import given_files
from prograde.errors import InputError


def parameters_of(folder: Path, text: str) -> object:
    path = folder / "parameters.yaml"
    path.write_text(text, encoding="utf-8")
    return given_files(folder / "source.yaml", None, path, (), None).parameters()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# last year's volume: 40,000,000, too high\nattribution: full\n", {"attribution": "full"}),
        ("# tried {volume: 40,000,000}\n", None),
        (
            "tiers: [{name: 'A: 1,000,000, x', minimum_volume: 5}]\n",
            {"tiers": [{"name": "A: 1,000,000, x", "minimum_volume": 5}]},
        ),
    ],
    ids=["comment", "nothing but a comment", "quoted name"],
)
def test_an_amount_with_commas_that_no_brace_takes_apart_is_no_mistake(
    tmp_path: Path, text: str, expected: object
) -> None:
    if expected is None:
        with pytest.raises(InputError, match="no mapping"):
            parameters_of(tmp_path, text)
    else:
        assert expected == parameters_of(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tiers: [{minimum_volume: 40,000}]", ["parameters: minimum_volume: '40,000': write 40000"]),
        ("tiers: [{minimum_volume: 40,000,000}]", ["parameters: minimum_volume: '40,000,000': write 40000000"]),
        ("tiers: [{minimum_volume: $1,500k}]", ["parameters: minimum_volume: '$1,500k': write 1500000"]),
        (
            "tiers: [{minimum_volume: 40,000,000}]\npage_limit: 2\npage_limit: 3\n",
            [
                "parameters: minimum_volume: '40,000,000': write 40000000",
                "parameters: page_limit: 'page_limit': is given twice, on lines 2 and 3: keep one",
            ],
        ),
        (
            "# volume: 40,000,000, too high\npage_limit: 2\npage_limit: 3\n",
            ["parameters: page_limit: 'page_limit': is given twice, on lines 2 and 3: keep one"],
        ),
        ("{2: 1, 2: 3}", ["parameters: 2: '2': is given twice, on lines 1 and 1: keep one"]),
    ],
)
def test_an_amount_that_braces_take_apart_is_told_in_digits_beside_other_mistakes(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        parameters_of(tmp_path, text)

    assert told == [str(problem) for problem in refused.value.problems]
