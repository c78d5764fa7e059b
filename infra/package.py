"""
Packages the functions for Google Cloud: python infra/package.py FOLDER, which make package runs.

Each zip holds main.py, requirements.txt and of prograde what main.py can come to import there. Equal files give equal
bytes, wherever and whenever they are packaged, so that Terraform deploys changes and nothing else: entries are
sorted, have no times, and are stored, since what deflate makes of them differs between versions of zlib.
"""

import ast
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "shared"
FUNCTIONS = ("start_batch", "fetch_page", "finalize")
REQUIREMENTS = ROOT / "requirements" / "gcp.txt"
OTHER_FAMILY = ("prograde.adapters.local", "prograde.bootstrap.local_machine")
"""What only one machine imports, however a deployed module names it."""
DATA_SUFFIXES = {".css", ".html", ".js", ".json", ".sql", ".svg", ".yaml"}
WEB = SHARED / "prograde" / "entrypoints" / "web"
"""Its pages lie in folders beside its modules."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can tell."""
MODE = 0o100644 << 16


def package(function: str, folder: Path) -> Path:
    """Write a function's zip into the folder."""
    main = ROOT / "functions" / function / "main.py"
    files = {"main.py": main, "requirements.txt": REQUIREMENTS}
    files |= {path.relative_to(SHARED).as_posix(): path for path in needed(main)}
    target = folder / f"{function.replace('_', '-')}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = MODE
            # Else it would tell which system it was made on.
            entry.create_system = 3
            archive.writestr(entry, files[name].read_bytes())
    return target


def needed(main: Path) -> set[Path]:
    """Find the modules that a program can come to import, also in its functions, and the data beside them."""
    found: set[Path] = set()
    waiting = [main]
    while waiting:
        for path in _imported(waiting.pop()):
            if path not in found:
                found.add(path)
                waiting.append(path)
    packages = {path.parent for path in found if path.name == "__init__.py"}
    if WEB in packages:
        packages |= {WEB / "static", WEB / "templates"}
    data = {path for folder in packages for path in folder.iterdir() if path.is_file() and path.suffix in DATA_SUFFIXES}
    return found | data


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield from _files(alias.name)
            case ast.ImportFrom(module=str(module), level=0):
                for alias in node.names:
                    yield from _files(f"{module}.{alias.name}")
            case _:
                pass


def _files(name: str) -> Iterator[Path]:
    """Find the files of a module of ours and of the packages around it; what is no module is a name in one."""
    if any(name == left_out or name.startswith(f"{left_out}.") for left_out in OTHER_FAMILY):
        return
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        for path in (
            SHARED.joinpath(*parts[:length], "__init__.py"),
            SHARED.joinpath(*parts[:length]).with_suffix(".py"),
        ):
            if path.is_file():
                yield path


def main() -> None:
    """Package every function."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for function in FUNCTIONS:
        target = package(function, folder)
        sys.stdout.write(f"{target}: {target.stat().st_size / 1_000:,.0f} kB\n")


if __name__ == "__main__":
    main()
