"""
The least that any program must do: download every page and parse it, keep nothing, survive nothing.

python -m tests.benchmarks.plain_loops CLIENT THREADS RESO_URL ROSTER
"""

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.questions import HEADERS, NEXT_LINK, history_url, profile_url, read_roster

Get = Callable[[str], dict[str, Any]]


def requests_get() -> Get:
    """A session for each thread, because a session is not made to be shared."""
    import requests  # noqa: PLC0415  # a loop pays for the libraries that it uses and no others

    local = threading.local()

    def get(url: str) -> dict[str, Any]:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.headers.update(HEADERS)
        response = local.session.get(url, timeout=30)
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document

    return get


def urllib3_get(loads: Callable[[bytes], Any], threads: int) -> Get:
    """One pool for all threads."""
    import urllib3  # noqa: PLC0415  # a loop pays for the libraries that it uses and no others

    pool = urllib3.PoolManager(maxsize=threads, headers=HEADERS, timeout=30, retries=False)

    def get(url: str) -> dict[str, Any]:
        response = pool.request("GET", url)
        if response.status != 200:
            raise RuntimeError(f"{response.status} from {url}")
        document: dict[str, Any] = loads(response.data)
        return document

    return get


def client(name: str, threads: int) -> Get:
    """Build the client that the command line names."""
    match name:
        case "requests":
            return requests_get()
        case "urllib3":
            return urllib3_get(json.loads, threads)
        case "urllib3+orjson":
            import orjson  # noqa: PLC0415  # a loop pays for the libraries that it uses and no others

            return urllib3_get(orjson.loads, threads)
        case _:
            raise SystemExit(f"{name!r} is no client: use requests, urllib3 or urllib3+orjson")


def main() -> None:
    """Page through every agent of the roster."""
    name, threads, reso_url, roster = sys.argv[1:]
    get = client(name, int(threads))

    def page_through(agent: str) -> None:
        get(profile_url(reso_url, agent))
        url: str | None = history_url(reso_url, agent)
        while url:
            url = get(url).get(NEXT_LINK)

    agents = read_roster(Path(roster))
    if threads == "1":
        for agent in agents:
            page_through(agent)
    else:
        with ThreadPoolExecutor(int(threads)) as workers:
            list(workers.map(page_through, agents))


if __name__ == "__main__":
    main()
