"""Source files in a folder."""

from pathlib import Path

from prograde.errors import InputError, NotFoundError, Problem


class SourceFolder:
    """SourceCatalog over the `*.yaml` files of a folder: the file's stem is the source's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """Tell the names of the files in the folder."""
        return tuple(sorted(self._files()))

    def text(self, name: str) -> str:
        """Read the file of a source; the name is looked up, so it can be no path."""
        files = self._files()
        if name not in files:
            known = ", ".join(sorted(files)) or "none yet"
            raise NotFoundError(f"there is no source {name!r}; there are: {known}")
        return read_source(files[name])

    def _files(self) -> dict[str, Path]:
        return {path.stem: path for path in self._folder.glob("*.yaml")}


def read_source(path: Path) -> str:
    """Read a source file; raises InputError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError([Problem("source", str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise InputError([Problem("source", str(path), f"must be UTF-8 text: {error.reason}")]) from error
