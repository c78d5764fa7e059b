"""
`make mutants`: each mutant of the protocol must be caught within the seeds that CI runs.

The seed that caught it last is tried first; WRITE=1 begins at the first seed, and keeps at which each is caught.
"""

import argparse
import importlib.util
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from multiprocessing.context import BaseContext
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType

from typing_extensions import override

from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS
from tests.simulation.seeds import RUNS_OF_CI, seeds_upto

VIOLATION_SHOWN = 150
CAUGHT = Path(__file__).with_name("caught.txt")


class UnknownSnippetError(Exception):
    """What a mutant changes no longer stands in its module."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How a mutant was caught: at which seed, and by what; at none if it was not."""

    mutant: str
    seed: int | None
    violation: str
    seconds: float

    def __str__(self) -> str:
        seed = "NOT CAUGHT" if self.seed is None else f"seed {self.seed:5}"
        return f"{seed:>10}  {self.mutant}: {' '.join(self.violation.split())[:VIOLATION_SHOWN]}".rstrip(": ")


def kept_catches() -> dict[str, str]:
    """Read what is kept of each mutant's catch."""
    lines = CAUGHT.read_text(encoding="utf-8").splitlines() if CAUGHT.exists() else []
    return {found[1]: line for line in lines if (found := re.match(r"seed +\d+  (.*?): ", line))}


def caught_before() -> dict[str, int]:
    """Read at which seed each mutant was caught."""
    return {name: int(line.split()[1]) for name, line in kept_catches().items()}


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


def hunt(mutant: Mutant, seeds: int, before: Mapping[str, int]) -> Catch:
    """Run seeds on a mutant until one fails; in a process of its own, which has not imported prograde yet."""
    assert not any(name.split(".")[0] == "prograde" for name in sys.modules)
    sys.meta_path.insert(0, MutatingFinder(mutant))
    from tests.simulation.many import be_quiet  # noqa: PLC0415  # after the finder
    from tests.simulation.run import simulate  # noqa: PLC0415  # after the finder

    be_quiet()
    began = time.monotonic()
    upto = seeds_upto(seeds)
    first = [before[mutant.name]] if before.get(mutant.name) in upto else []
    for seed in dict.fromkeys([*first, *upto]):
        violations = simulate(seed).violations
        if violations:
            return Catch(mutant.name, seed, violations[0], time.monotonic() - began)
    return Catch(mutant.name, None, "", time.monotonic() - began)


def hunt_all(
    mutants: Sequence[Mutant],
    seeds: int = RUNS_OF_CI,
    before: Mapping[str, int] = MappingProxyType({}),
    context: BaseContext | None = None,
) -> list[Catch]:
    """Hunt mutants on all cores, each at the seed that caught it before, then at the others."""
    # Not forked unless asked for: among other tests, the one server there is may have imported prograde.
    context = context or multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count() or 1, maxtasksperchild=1) as pool:
        catches = []
        for catch in pool.imap_unordered(partial(hunt, seeds=seeds, before=dict(before)), mutants, chunksize=1):
            say(f"{catch.seconds:6.1f} s  {catch}")
            catches.append(catch)
    return catches


def say(text: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Hunt those mutants whose names hold the argument, or all."""
    parser = argparse.ArgumentParser(description="Break the protocol on purpose: does the simulation notice?")
    parser.add_argument("name", nargs="?", default="", help="part of the names of the mutants to hunt")
    parser.add_argument("--write", action="store_true", help="hunt from the first seed on, and keep what caught each")
    options = parser.parse_args()
    began = time.monotonic()
    wanted = [mutant for mutant in MUTANTS if options.name in mutant.name]
    context = multiprocessing.get_context("forkserver")
    # What prograde stands on is imported once for all mutants, prograde itself by each: that is where it is changed.
    context.set_forkserver_preload(["functions_framework", "orjson", "pydantic"])
    catches = hunt_all(wanted, before={} if options.write else caught_before(), context=context)
    missed = sum(catch.seed is None for catch in catches)
    say(f"{len(catches)} mutants in {time.monotonic() - began:.0f} s, {missed} not caught")
    if options.write:
        lines = kept_catches() | {catch.mutant: str(catch) for catch in catches}
        kept = [lines[mutant.name] for mutant in MUTANTS if mutant.name in lines]
        CAUGHT.write_text("\n".join([*kept, ""]), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
