"""What the environment says, read once and complained about all together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prograde.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How this process is deployed.

    `data_dir` holds everything that one machine keeps; `sources_dir` the source files that a batch may name.
    """

    data_dir: Path
    sources_dir: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read PROGRADE_DATA_DIR and PROGRADE_SOURCES_DIR; raises InputError naming each that is missing."""
        problems = [
            Problem(name, None, f"set the environment variable to {what}")
            for name, what in (
                ("PROGRADE_DATA_DIR", "the folder that keeps batches, raw rows and exports"),
                ("PROGRADE_SOURCES_DIR", "the folder that holds the source files"),
            )
            if not env.get(name)
        ]
        if problems:
            raise InputError(problems)
        return cls(Path(env["PROGRADE_DATA_DIR"]), Path(env["PROGRADE_SOURCES_DIR"]))


def pace_dir(env: Mapping[str, str]) -> Path:
    """
    Find the folder of the rate ledgers: PROGRADE_PACE_DIR, or the user's state folder.

    It is the user's and not a data directory's: a provider counts a credential's calls, wherever they come from.
    """
    if named := env.get("PROGRADE_PACE_DIR"):
        return Path(named)
    state = env.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "prograde" / "pace"
