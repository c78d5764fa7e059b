"""The catalogue of mutants is up to date, and a hunt is one: `make mutants` hunts them all."""

import importlib.util
from pathlib import Path

import pytest

from tests.simulation.hunting import UnknownSnippetError, caught_before, hunt_all, mutated
from tests.simulation.mutant import Change, Mutant
from tests.simulation.mutants import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_what_stands_there(mutant: Mutant) -> None:
    for module in {change.module for change in mutant.changes}:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).read_text(encoding="utf-8")

        compile(mutated(source, mutant, module), module, "exec")


def test_mutants_have_names_of_their_own() -> None:
    assert len(MUTANTS) == len({mutant.name for mutant in MUTANTS})


@pytest.mark.parametrize("source", ["", "twice twice"], ids=["gone", "there twice"])
def test_a_snippet_that_does_not_stand_there_once_is_a_failure(source: str) -> None:
    mutant = Mutant("any", (Change("module", "twice", "new"),))

    with pytest.raises(UnknownSnippetError):
        mutated(source, mutant, "module")


def test_a_mutant_is_caught_and_what_is_none_is_not() -> None:
    caught = next(mutant for mutant in MUTANTS if mutant.name == "listings are not told apart")

    catches = {catch.mutant: catch.seed for catch in hunt_all([caught, Mutant("none", ())], seeds=4)}

    assert catches["none"] is None
    assert catches[caught.name] is not None


def test_at_which_seed_a_mutant_is_caught_is_kept() -> None:
    assert {mutant.name for mutant in MUTANTS} == caught_before().keys()
