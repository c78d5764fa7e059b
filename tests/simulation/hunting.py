"""`make mutants`: each mutant of the protocol must be caught within the seeds that CI runs."""

import importlib.util
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from typing_extensions import override

from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS

SEEDS = 500
VIOLATION_SHOWN = 150


class UnknownSnippetError(Exception):
    """What a mutant changes no longer stands in its module."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How a mutant was caught: after how many seeds, and by what; after none at all if it was not."""

    mutant: str
    seeds: int | None
    violation: str
    seconds: float


def mutated(source: str, mutant: Mutant, module: str) -> str:
    """Change a module's source; raises UnknownSnippetError unless each snippet stands in it once."""
    for change in mutant.changes:
        if change.module == module:
            if source.count(change.old) != 1:
                raise UnknownSnippetError(
                    f"{mutant.name}: {module} has {source.count(change.old)} times: {change.old!r}"
                )
            source = source.replace(change.old, change.new)
    return source


class MutatingFinder(MetaPathFinder):
    """Finds a mutant's modules as the others do, and loads them changed."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._modules = {change.module for change in mutant.changes}

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next((found for finder in others if (found := finder.find_spec(fullname, path, target))), None)
        assert spec is not None
        assert spec.origin is not None
        return importlib.util.spec_from_file_location(
            fullname, spec.origin, loader=_MutatingLoader(fullname, spec.origin, self._mutant)
        )


class _MutatingLoader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    @override
    def get_code(self, fullname: str) -> CodeType:
        source = mutated(Path(self.path).read_text(encoding="utf-8"), self._mutant, fullname)
        return compile(source, self.path, "exec", dont_inherit=True)


def hunt(mutant: Mutant, seeds: int = SEEDS) -> Catch:
    """Run seeds on a mutant until one fails; in a process of its own, which has not imported prograde yet."""
    assert not any(name.split(".")[0] == "prograde" for name in sys.modules)
    sys.meta_path.insert(0, MutatingFinder(mutant))
    from tests.simulation.many import be_quiet, seeds_upto  # noqa: PLC0415  # after the finder
    from tests.simulation.run import simulate  # noqa: PLC0415  # after the finder

    be_quiet()
    began = time.monotonic()
    for number, seed in enumerate(seeds_upto(seeds), start=1):
        violations = simulate(seed).violations
        if violations:
            return Catch(mutant.name, number, violations[0], time.monotonic() - began)
    return Catch(mutant.name, None, "", time.monotonic() - began)


def hunt_all(mutants: Sequence[Mutant], seeds: int = SEEDS) -> list[Catch]:
    """Hunt mutants on all cores."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count() or 1, maxtasksperchild=1) as pool:
        catches = []
        for catch in pool.imap_unordered(partial(hunt, seeds=seeds), mutants, chunksize=1):
            caught = "NOT CAUGHT" if catch.seeds is None else f"{catch.seeds:4} seeds"
            what = " ".join(catch.violation.split())[:VIOLATION_SHOWN]
            say(f"{caught:>10} {catch.seconds:6.1f} s  {catch.mutant}: {what}")
            catches.append(catch)
    return catches


def say(text: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Hunt those mutants whose names hold the argument, or all."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    began = time.monotonic()
    catches = hunt_all([mutant for mutant in MUTANTS if wanted in mutant.name])
    missed = sum(catch.seeds is None for catch in catches)
    say(f"{len(catches)} mutants in {time.monotonic() - began:.0f} s, {missed} not caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
