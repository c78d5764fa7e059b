import re
import typing
from collections.abc import Iterator

import pytest
import yaml

from prograde.adapters.listing_api.client_tables import AnyAuth, ClientTable
from prograde.adapters.listing_api.paginator_tables import AnyPaginator
from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.listing_api.source_model import ActiveFields, HistoricalFields, ProfileFields
from prograde.adapters.listing_api.source_table import Table

ENV = dict.fromkeys(("LISTING_TOKEN", "LISTING_KEY", "LISTING_USER", "LISTING_PASSWORD"), "x")


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "sources.md").read_text(encoding="utf-8")


def examples(page: str) -> list[dict[str, object]]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]


def laid_over(below: object, above: object) -> object:
    """The whole example with a shorter one's keys; a paginator or an auth is replaced as one."""
    if not (isinstance(below, dict) and isinstance(above, dict)) or "type" in above:
        return above
    return {**below, **{key: laid_over(below.get(key), value) for key, value in above.items()}}


def types_of(union: object) -> set[str]:
    """The values of `type` that a union of tables knows."""
    tables = typing.get_args(typing.get_args(union)[0])
    return {name for table in tables for name in typing.get_args(table.model_fields["type"].annotation)}


def types_under(document: object, key: str) -> Iterator[str]:
    for name, value in document.items() if isinstance(document, dict) else ():
        if name == key:
            yield value["type"]
        yield from types_under(value, key)


def test_every_example_is_right(page: str) -> None:
    whole, *others = examples(page)

    assert "reso" == load_source(yaml.safe_dump(whole), ENV).name
    for example in others:
        load_source(yaml.safe_dump(laid_over(whole, example)), ENV)


@pytest.mark.parametrize(("union", "key"), [(AnyPaginator, "paginator"), (AnyAuth, "auth")])
def test_every_paginator_and_every_auth_is_listed_and_has_an_example(page: str, union: object, key: str) -> None:
    _, *others = examples(page)
    shown = {found for example in others for found in types_under(example, key)}
    listed = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))
    assert types_of(union) <= listed
    assert types_of(union) == shown


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
