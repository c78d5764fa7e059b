"""
A plain script of the kind that a good engineer writes in a day: what prograde is measured against.

It keeps every answer, adds up every agent's closed sides and volume, retries with back-off, and when it is started
again it skips the agents that are done.

python -m tests.benchmarks.one_day_script RESO_URL ROSTER DATABASE
"""

import json
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.benchmarks.questions import HEADERS, NEXT_LINK, history_url, profile_url, read_roster

THREADS = 8
PAGES_MAX = 19
RETRIES = Retry(total=5, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (agent TEXT, number INTEGER, url TEXT, body TEXT, PRIMARY KEY (agent, number));
CREATE TABLE IF NOT EXISTS agents (
    agent TEXT PRIMARY KEY, name TEXT, half_sides INTEGER, half_cents INTEGER, is_done INTEGER
);
"""

_local = threading.local()


class Database:
    """One connection for all threads, one commit a page."""

    def __init__(self, path: str) -> None:
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    def done(self) -> set[str]:
        """The agents that an earlier run finished."""
        return {row[0] for row in self._connection.execute("SELECT agent FROM agents WHERE is_done")}

    def save(self, page: tuple[str, int, str, str], totals: tuple[str, str, int, int, bool]) -> None:
        """Keep one answer and the agent's totals so far."""
        with self._turn, self._connection:
            self._connection.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)", page)
            self._connection.execute("INSERT OR REPLACE INTO agents VALUES (?, ?, ?, ?, ?)", totals)


def session() -> requests.Session:
    """Each thread's own session."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.headers.update(HEADERS)
        _local.session.mount("http://", HTTPAdapter(max_retries=RETRIES))
    own: requests.Session = _local.session
    return own


def get(url: str) -> str:
    """One answer's text."""
    response = session().get(url, timeout=(5, 30))
    response.raise_for_status()
    response.encoding = "utf-8"
    return response.text


def half_sides(sale: dict[str, Any], agent: str) -> int:
    """Two for a side alone, one for a shared side."""
    total = 0
    for slots in (("ListAgentKey", "CoListAgentKey"), ("BuyerAgentKey", "CoBuyerAgentKey")):
        side = {sale[slot] for slot in slots if sale[slot]}
        if agent in side:
            total += 2 // len(side)
    return total


def download(database: Database, reso_url: str, agent: str) -> None:
    """Page through one agent from the start."""
    url = profile_url(reso_url, agent)
    body = get(url)
    name = json.loads(body)["value"][0]["MemberFullName"]
    sides = cents = number = 0
    database.save((agent, number, url, body), (agent, name, sides, cents, False))
    following: str | None = history_url(reso_url, agent)
    while following and number < PAGES_MAX:
        number, url = number + 1, following
        body = get(url)
        document = json.loads(body)
        for sale in document["value"]:
            share = half_sides(sale, agent)
            sides += share
            cents += share * round((sale["ClosePrice"] or 0) * 100)
        following = document.get(NEXT_LINK)
        is_done = not following or number == PAGES_MAX
        database.save((agent, number, url, body), (agent, name, sides, cents, is_done))


def main() -> None:
    """Download every agent of the roster that is not done."""
    reso_url, roster, path = sys.argv[1:]
    database = Database(path)
    done = database.done()
    agents = [agent for agent in read_roster(Path(roster)) if agent not in done]
    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(lambda agent: download(database, reso_url, agent), agents))


if __name__ == "__main__":
    main()
