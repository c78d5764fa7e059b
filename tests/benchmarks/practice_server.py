"""
The practice API over the benchmark's market, in a process of its own.

Its first line of output is its address and the agents' keys as JSON; it serves until its standard input ends, and so
never outlives who started it.
"""

import json
import sys

from prograde.sandbox.server import SandboxServer
from tests.benchmarks.full_pages import RECORDS_A_PAGE, full_pages_market


def main() -> None:
    """Serve a market of as many agents as the only argument says."""
    market = full_pages_market(int(sys.argv[1]))
    with SandboxServer(market, page_size=RECORDS_A_PAGE) as server:
        json.dump({"url": server.base_url, "agents": [agent.key for agent in market.agents]}, sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
