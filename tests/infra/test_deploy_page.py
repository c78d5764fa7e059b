import re
from pathlib import Path

import pytest

from prograde.adapters.listing_api.secret import REFERENCE
from prograde.adapters.listing_api.source_file import load_source
from tests.house.checkout import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TERRAFORM = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "terraform").glob("*.tf"))
SOURCES = sorted((ROOT / "infra" / "terraform" / "sources").glob("*.yaml"))


def test_the_costs_add_up() -> None:
    costs = [float(cost) for cost in re.findall(r"^\| [^*|]+ \| [^|]+ \| (\d+\.\d\d) \|$", PAGE, flags=re.MULTILINE)]
    total = re.search(r"^\| \*\*Total\*\* \| \| \*\*(\d+\.\d\d)\*\* \|$", PAGE, flags=re.MULTILINE)

    assert total
    assert round(sum(costs), 2) == float(total[1])


def test_the_make_targets_it_names_are_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert set(re.findall(r"make ([a-z-]+)", PAGE)) <= set(targets)


def test_the_resources_outputs_and_variables_that_its_commands_name_are_there() -> None:
    targets = re.findall(r"-target=(\w+)\.(\w+)", PAGE)
    outputs = re.findall(r"infra/terraform output (?:-raw )?(\w+)", PAGE + OPERATIONS)
    variables = re.findall(r"-var (\w+)=", PAGE)

    assert targets
    assert outputs
    assert variables
    assert [] == [target for target in targets if 'resource "{}" "{}"'.format(*target) not in TERRAFORM]
    assert [] == [name for name in outputs if f'output "{name}"' not in TERRAFORM]
    assert [] == [name for name in variables if f'variable "{name}"' not in TERRAFORM]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_source_that_is_deployed_is_a_good_source_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert path.stem == load_source(text, dict.fromkeys(REFERENCE.findall(text), "t" * 20)).name
