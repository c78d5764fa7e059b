"""Google's errors end here: each class is one of ours, or a mistake of ours that stays what it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from prograde.errors import CorruptionError, ProgradeError, UnavailableError

_OURS: tuple[tuple[type[Exception], type[ProgradeError] | None], ...] = (
    (api.DataLoss, CorruptionError),
    (api.MethodNotImplemented, None),
    (api.ServerError, UnavailableError),
    (api.Aborted, UnavailableError),
    (api.Cancelled, UnavailableError),
    (api.TooManyRequests, UnavailableError),
    (api.ResumableTransferError, UnavailableError),
    (api.RetryError, UnavailableError),
    # A permission, a database or an index that was just made is not there for minutes, nor is a queue that nobody
    # used for a month; one that was forgotten can be added while the tasks wait.
    (api.Unauthorized, UnavailableError),
    (api.Forbidden, UnavailableError),
    (api.NotFound, UnavailableError),
    (api.FailedPrecondition, UnavailableError),
    (auth.GoogleAuthError, UnavailableError),
    (requests.ConnectionError, UnavailableError),
    (requests.Timeout, UnavailableError),
    (requests.exceptions.ChunkedEncodingError, UnavailableError),
)


def ours(vendor: type[Exception]) -> type[ProgradeError] | None:
    """Tell which error of ours a class of Google's is; None for a mistake of ours, a wrong argument or a clash."""
    if vendor in {api.GoogleAPICallError, api.ClientError}:
        # A status that has no class of its own, 408 for one.
        return UnavailableError
    return next((mapped for base, mapped in _OURS if issubclass(vendor, base)), None)


@contextmanager
def mapped_errors(service: str) -> Iterator[None]:
    """Turn a service's errors into ours."""
    try:
        yield
    except (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException) as error:
        mapped = ours(type(error))
        if mapped is None:
            raise
        raise mapped(f"{service}: {type(error).__name__}: {error}") from error
