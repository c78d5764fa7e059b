import re
from pathlib import Path

import pytest

from prograde.adapters.listing_api.secret import REFERENCE
from prograde.adapters.listing_api.source_file import load_source
from tests.house.checkout import ROOT
from tests.infra.terraform_plan import read_plan

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TERRAFORM = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "terraform").glob("*.tf"))
MODULE = (ROOT / "infra" / "terraform" / "modules" / "http_function" / "main.tf").read_text(encoding="utf-8")
PROJECT = "acme-prograde-everything"
EXAMPLES = {"prograde-operators", "prograde-staging"}
"""A group and a project, of whoever reads the page."""
GOOGLES_OWN = {"api_method"}
PEOPLES_OWN = {"roles/logging.viewer"}
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


@pytest.mark.infra
def test_what_is_called_by_its_name_is_in_the_plan_under_it() -> None:
    plan = read_plan("everything")
    planned = {str(value) for resource in plan.resources for value in resource.values.values()}
    of_the_bucket = {name.removeprefix(f"{PROJECT}-") for name in planned}
    known = planned | of_the_bucket | EXAMPLES
    tables = {str(table.values["table_id"]) for table in plan.of("google_bigquery_table")}

    assert [] == [name for name in re.findall(r"\bprograde-[a-z]+(?:-[a-z]+)*", PAGE + OPERATIONS) if name not in known]
    assert set(re.findall(r"FROM prograde\.(\w+)", PAGE + OPERATIONS)) <= tables


def test_the_settings_and_columns_that_it_names_are_there() -> None:
    files = [path for path in (ROOT / "infra" / "terraform").rglob("*") if path.suffix in {".tf", ".sql", ".json"}]
    there = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\.[a-z_]+)?`", PAGE + OPERATIONS)) - GOOGLES_OWN
    roles = {role.removeprefix("prograde_") for role in named}

    assert [] == [name for name in sorted(roles) if not re.search(rf"\b{name}\b", there)]


def test_the_roles_that_it_names_are_given_there_or_by_hand() -> None:
    by_hand = set(re.findall(r"--role=(roles/[\w.]+)", PAGE)) | PEOPLES_OWN

    roles = set(re.findall(r"roles/[a-zA-Z]+\.[a-zA-Z]+", PAGE + OPERATIONS))
    assert [] == [role for role in sorted(roles - by_hand) if role not in TERRAFORM + MODULE]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_source_that_is_deployed_is_a_good_source_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert path.stem == load_source(text, dict.fromkeys(REFERENCE.findall(text), "t" * 20)).name
