"""Runs every contestant over the same agents on the same server, in turns."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from tests.benchmarks.contestants import CHECKOUT, CONTESTANTS, Contestant, Work, environment
from tests.benchmarks.full_pages import PAGES_AN_AGENT
from tests.benchmarks.measuring import Usage, measure

RUN_SECONDS_MAX = 60.0
_ANSWER_SECONDS_MAX = 10.0
_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Run:
    """One contestant's way through so many pages, and the folder that it did it in."""

    contestant: Contestant
    folder: Path
    pages: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class PracticeServer:
    """The practice API in its own process, seen from outside."""

    url: str
    agents: Sequence[str]

    @property
    def reso_url(self) -> str:
        """The root of the RESO Web API."""
        return f"{self.url}/reso/odata"

    def reset(self) -> None:
        """Count calls from nought."""
        self._ask("/__reset", "POST")

    def calls(self) -> int:
        """How many calls came since."""
        calls: int = self._ask("/__stats", "GET")["calls"]
        return calls

    def _ask(self, path: str, method: str) -> Mapping[str, int]:
        request = Request(f"{self.url}{path}", method=method)
        with _open(request, timeout=_ANSWER_SECONDS_MAX) as response:
            answer: Mapping[str, int] = json.load(response)
        return answer


@contextmanager
def practice_server(agents: int, folder: Path) -> Iterator[PracticeServer]:
    """Serve a market of so many agents until the block ends."""
    command = (sys.executable, "-m", "tests.benchmarks.practice_server", str(agents))
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield PracticeServer(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def contest(folder: Path, sizes: Sequence[int], rounds: int, say: Callable[[str], object]) -> Iterator[Run]:
    """
    Run everybody over rosters of `sizes` agents, `rounds` times, interleaved so that all see the same machine.

    Each starts from nothing in a new folder. Raises RuntimeError when one fails, or did not make exactly one call a
    page by the server's count.
    """
    with practice_server(max(sizes), folder) as server:
        for turn in range(rounds):
            for size in sizes:
                roster = folder / f"roster-{size}.csv"
                roster.write_text("\n".join(("professional_id", *server.agents[:size])) + "\n", encoding="utf-8")
                for contestant in CONTESTANTS:
                    own = folder / f"{turn}-{size}-{contestant.name}"
                    own.mkdir()
                    run = _run(server, contestant, Work(server.reso_url, roster, own), size * PAGES_AN_AGENT)
                    say(f"round {turn + 1} of {rounds}: {contestant.name}, {run.pages} pages, {_shown(run.usage)}")
                    yield run


def _run(server: PracticeServer, contestant: Contestant, work: Work, pages: int) -> Run:
    command = contestant.command(work)
    server.reset()
    usage = measure(command, work.folder, environment(work.folder), RUN_SECONDS_MAX)
    calls = server.calls()
    if calls != pages:
        raise RuntimeError(f"{contestant.name} made {calls} calls for {pages} pages: the comparison would not be fair")
    return Run(contestant, work.folder, pages, usage)


def _shown(usage: Usage) -> str:
    return f"{usage.cpu_seconds:.2f} s CPU in {usage.wall_seconds:.2f} s, {usage.peak_bytes / 1e6:.0f} MB"
