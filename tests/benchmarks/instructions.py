"""
Count the instructions of Python's own that a page costs: `make benchmark-instructions`.

The same within one per cent in every run, so it tells what a busy machine hides. What C code does for one instruction
is not in it.
"""

import json
import runpy
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from tests.benchmarks.contest import PracticeServer, practice_server
from tests.benchmarks.contestants import ONE_DAY_SCRIPT, PROGRADE, Contestant, Work, environment
from tests.benchmarks.full_pages import PAGES_AN_AGENT

AGENTS = (2, 6)
SHOWN_FILES = 12
_ROOTS = ("site-packages/", "/shared/", "/tests/", f"python{sys.version_info.major}.{sys.version_info.minor}/")


def main() -> None:
    """Print the table of both contestants, then where prograde's instructions are; or, as a child, count."""
    if len(sys.argv) > 1:
        counts, module, *arguments = sys.argv[1:]
        count(Path(counts), module, arguments)
        return
    with tempfile.TemporaryDirectory() as folder, practice_server(max(AGENTS), Path(folder)) as server:
        pages = {each: instructions(server, each, Path(folder)) for each in (PROGRADE, ONE_DAY_SCRIPT)}
    sys.stdout.write("|  | instructions a page |\n| --- | ---: |\n")
    sys.stdout.writelines(f"| {each.name} | {sum(of.values()):,.0f} |\n" for each, of in pages.items())
    most = sorted(pages[PROGRADE].items(), key=lambda entry: -entry[1])[:SHOWN_FILES]
    sys.stdout.writelines(f"{number:9,.0f} {file}\n" for file, number in most)


def instructions(
    server: PracticeServer, contestant: Contestant, folder: Path, sizes: tuple[int, int] = AGENTS
) -> Mapping[str, float]:
    """Tell the instructions that a page more costs, by file: the larger roster's less the smaller one's."""
    few, many = (_counted(server, contestant, folder, agents) for agents in sizes)
    pages = (sizes[1] - sizes[0]) * PAGES_AN_AGENT
    return {file: (number - few[file]) / pages for file, number in many.items()}


def _counted(server: PracticeServer, contestant: Contestant, folder: Path, agents: int) -> Counter[str]:
    own = folder / f"{contestant.name}-{agents}"
    own.mkdir()
    roster, counts = own / "roster.csv", own / "counts.json"
    roster.write_text("\n".join(("professional_id", *server.agents[:agents])) + "\n", encoding="utf-8")
    python, flag, *rest = contestant.command(Work(server.reso_url, roster, own))
    command = (python, flag, "tests.benchmarks.instructions", str(counts), *rest)
    subprocess.run(command, cwd=own, env=environment(own), check=True, capture_output=True)
    return Counter(json.loads(counts.read_text(encoding="utf-8")))


def count(counts: Path, module: str, arguments: list[str]) -> None:
    """Run a module, and write how many instructions its threads took, by file; those of the main thread are a start."""
    found: Counter[str] = Counter()

    def traced(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401  # as sys.settrace has it
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            found[frame.f_code.co_filename] += 1
        return traced

    threading.settrace(traced)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    finally:
        threading.settrace(None)
        by_file: Counter[str] = Counter()
        for path, number in found.items():
            by_file[_short(path)] += number
        counts.write_text(json.dumps(by_file), encoding="utf-8")


def _short(path: str) -> str:
    for root in _ROOTS:
        path = path.rpartition(root)[2]
    return path


if __name__ == "__main__":
    main()
