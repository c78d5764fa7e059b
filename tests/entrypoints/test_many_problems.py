import json
from datetime import date

import pytest

from prograde.adapters.listing_api.source_yaml import read_yaml
from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.parameters import ParametersModel, amounts_without_quotes, parse_parameters
from prograde.entrypoints.web.reading import parsed_json
from prograde.errors import PROBLEMS_MAX, InputError

MANY = 100 * PROBLEMS_MAX


@pytest.mark.parametrize("mistakes", [PROBLEMS_MAX, PROBLEMS_MAX + 1, MANY])
def test_twenty_problems_are_told_and_that_there_are_more(mistakes: int) -> None:
    told = amounts_without_quotes("{" + ", ".join(["a: $1"] * mistakes) + "}")

    assert PROBLEMS_MAX + (mistakes > PROBLEMS_MAX) == len(told)
    assert ("there are more than these 20: mend them first" == told[-1].remedy) == (mistakes > PROBLEMS_MAX)


@pytest.mark.parametrize(
    "body",
    ["{" + "a:$1," * MANY + "}", json.dumps({f"key{number}": 1 for number in range(MANY)})],
    ids=["amounts without quotes", "unknown keys"],
)
def test_a_long_list_of_mistakes_is_answered_shortly(body: str) -> None:
    with pytest.raises(InputError) as refused:
        parsed_json(body.encode(), ParametersModel)

    assert PROBLEMS_MAX + 1 == len(refused.value.problems)


def test_each_reader_tells_the_first_of_its_mistakes() -> None:
    order = json.dumps({"source": "north", "professionals": list(range(MANY))}).encode()
    with pytest.raises(InputError) as refused:
        parsed_json(order, JsonOrder)
    assert PROBLEMS_MAX + 1 == len(refused.value.problems)

    _, problems = parse_parameters({"tiers_to_process": ["Z"] * MANY}, date(2026, 11, 21))
    assert PROBLEMS_MAX + 1 == len(problems)

    with pytest.raises(InputError) as refused:
        read_yaml("a: 1\n" * MANY)
    assert PROBLEMS_MAX + 1 == len(refused.value.problems)
