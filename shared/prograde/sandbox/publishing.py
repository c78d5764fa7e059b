"""The files that the practice API writes for its readers: who was dealt what, and a roster to start from."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from prograde.sandbox.dealing import listing_key
from prograde.sandbox.market import Market

DEALT_COLUMNS = (
    "sale_row",
    "listing_key",
    "list_agent_key",
    "co_list_agent_key",
    "buyer_agent_key",
    "co_buyer_agent_key",
)
ROSTER_COLUMNS = ("professional_id", "full_name")


def write_dealt(path: Path, market: Market) -> None:
    """Write who was dealt which row of the sales file, in the file's order; an empty cell is an empty slot."""
    by_key = {listing.key: listing for listing in market.listings}

    def write(file: TextIO) -> None:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(DEALT_COLUMNS)
        row = 0
        while (listing := by_key.get(listing_key(row := row + 1))) is not None:
            slots = (listing.list_agent, listing.co_list_agent, listing.buyer_agent, listing.co_buyer_agent)
            rows.writerow((row, listing.key, *(slot or "" for slot in slots)))

    _write_atomically(path, write)


def write_roster(path: Path, market: Market) -> None:
    """Write every agent as a roster row, names as they are: a formula-like name is left for the reader to survive."""

    def write(file: TextIO) -> None:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(ROSTER_COLUMNS)
        rows.writerows((agent.key, agent.full_name) for agent in market.agents)

    _write_atomically(path, write)


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write a text file from its pieces."""
    _write_atomically(path, lambda file: file.writelines(pieces))


def _write_atomically(path: Path, write: Callable[[TextIO], None]) -> None:
    """Readers see the old file or the whole new one, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            write(file)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
