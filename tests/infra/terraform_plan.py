"""A plan of Terraform, as `make test-infra` left it: what would be there after an apply."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.house.checkout import ROOT

ENVIRONMENTS = ("staging", "production", "everything")


@dataclass(frozen=True, slots=True)
class Resource:
    """A planned resource; what only an apply can tell is missing from its values."""

    address: str
    type: str
    name: str
    index: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """All resources of a deployment, modules' included, and its outputs."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    def of(self, type_: str, name: str | None = None) -> list[Resource]:
        """Find the resources of a type."""
        found = [resource for resource in self.resources if resource.type == type_ and name in (None, resource.name)]
        assert found, f"the plan has no {type_} {name or ''}"
        return found

    def functions(self) -> dict[str, Resource]:
        """Give the functions, by their name without the prefix."""
        found = self.of("google_cloudfunctions2_function")
        return {function.values["name"].removeprefix("prograde-"): function for function in found}


def read_plan(environment: str) -> Plan:
    """Read an environment's plan; there is none unless `make test-infra` made it."""
    path = ROOT / "build" / "plans" / environment / "plan.json"
    if not path.exists():
        pytest.fail("there is no plan: run make test-infra, which makes it first")
    document = json.loads(path.read_text(encoding="utf-8"))
    planned = document["planned_values"]
    outputs = {name: output.get("value") for name, output in planned["outputs"].items()}
    return Plan(tuple(_resources(planned["root_module"])), outputs)


def _resources(module: Mapping[str, Any]) -> Iterator[Resource]:
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield Resource(
                resource["address"], resource["type"], resource["name"], resource.get("index"), resource["values"]
            )
    for inner in module.get("child_modules", []):
        yield from _resources(inner)
