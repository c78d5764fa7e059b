import re

import pytest

from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.listing_api.source_model import ActiveFields, ClientTable, HistoricalFields, ProfileFields, Table


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "sources.md").read_text(encoding="utf-8")


def test_the_example_is_right(page: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)

    assert "reso" == load_source(example, {"LISTING_TOKEN": "x"}).name


@pytest.mark.parametrize(
    ("stage", "fields"), [("profile", ProfileFields), ("active", ActiveFields), ("historical", HistoricalFields)]
)
def test_every_field_is_listed_where_it_belongs(page: str, stage: str, fields: type[Table]) -> None:
    (row,) = re.findall(rf"^\| {stage} \|(.*)\|(.*)\|$", page, flags=re.MULTILINE)

    required, optional = (set(re.findall(r"`(\w+)`", cell)) for cell in row)
    assert {name for name, field in fields.model_fields.items() if field.is_required()} == required
    assert {name for name, field in fields.model_fields.items() if not field.is_required()} == optional


def test_every_key_of_the_client_is_listed_with_its_default(page: str) -> None:
    for name, field in ClientTable.model_fields.items():
        (default,) = re.findall(rf"^\| `{name}` \|.*\| (.*) \|$", page, flags=re.MULTILINE)
        if isinstance(field.default, int | float):
            assert f"{field.default:,}" == default
