"""Google's errors end here: each class is one of ours, or a mistake of ours that stays what it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from prograde.errors import CorruptionError, ProgradeError, UnavailableError

PROVIDED_BY: Mapping[str, str] = MappingProxyType(
    {
        "BigQuery": (
            "google_bigquery_table.main, google_bigquery_dataset.scratch, google_bigquery_table_iam_member.appender, "
            "google_bigquery_table_iam_member.loader, "
            "google_bigquery_table_iam_member.rewriter, google_project_iam_member.job_user"
        ),
        "Cloud Storage": (
            "google_storage_bucket.state, google_storage_bucket.exports, google_storage_bucket_iam_member.state, "
            "google_storage_bucket_iam_member.exports_publisher"
        ),
        "Cloud Tasks": (
            "google_cloud_tasks_queue.pages, google_cloud_tasks_queue.control, "
            "google_cloud_tasks_queue_iam_member.pages_enqueuer, google_cloud_tasks_queue_iam_member.control_enqueuer, "
            "google_service_account_iam_member.enqueuer_acts_as_tasks"
        ),
        "Firestore": (
            "google_firestore_database.main, google_firestore_index.main, google_project_iam_member.firestore_user"
        ),
    }
)
"""What provides each service's things and permissions, in infra/terraform."""
_LACKING = (api.Unauthorized, api.Forbidden, api.NotFound, api.FailedPrecondition, auth.DefaultCredentialsError)
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
        raise mapped(f"{service}: {type(error).__name__}: {error}{_provided_by(service, error)}") from error


def _provided_by(service: str, error: Exception) -> str:
    """Tell where to look when something is not there, or not for us."""
    if isinstance(error, _LACKING) and service in PROVIDED_BY:
        return f"; infra/terraform provides it, as one of {PROVIDED_BY[service]}"
    return ""
