"""The files of this checkout that are written by people: all that .gitignore does not name."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def written_files(suffix: str = "") -> Iterator[Path]:
    """Yield the files that belong to the repository, whether or not git is installed."""
    ignored = [".git", *_ignored_names()]
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(name for name in subfolders if not any(fnmatch(name, pattern) for pattern in ignored))
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffix) and name != ".git")


def relative(path: Path) -> str:
    """Name a file the way that a reader of the repository does."""
    return path.relative_to(ROOT).as_posix()


def _ignored_names() -> list[str]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [line.strip("/") for line in lines if line and not line.startswith("#")]
