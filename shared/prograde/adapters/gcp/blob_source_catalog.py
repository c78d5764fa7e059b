"""Source files among the blobs."""

from prograde.errors import InputError, NotFoundError, Problem
from prograde.ports import BlobStore


class BlobSourceCatalog:
    """SourceCatalog over the blobs sources/NAME.yaml, of the sources that the deployment names."""

    def __init__(self, blobs: BlobStore, names: frozenset[str]) -> None:
        self._blobs = blobs
        self._names = names

    def names(self) -> tuple[str, ...]:
        """Tell the names that the deployment has queues for."""
        return tuple(sorted(self._names))

    def text(self, name: str) -> str:
        """Read the file of a source; only a name that is known can be one, so it can be no path."""
        if name not in self._names:
            raise NotFoundError(f"there is no source {name!r}; there are: {', '.join(sorted(self._names))}")
        blob = f"sources/{name}.yaml"
        try:
            return self._blobs.read(blob).decode("utf-8-sig")
        except NotFoundError as error:
            raise NotFoundError(
                f"{error}; infra/terraform puts it there: google_storage_bucket_object.source"
            ) from error
        except UnicodeDecodeError as error:
            raise InputError([Problem("source", blob, f"must be UTF-8 text: {error.reason}")]) from error
