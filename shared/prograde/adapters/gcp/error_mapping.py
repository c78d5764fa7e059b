"""Google's errors end here: each class is one of ours, or a mistake of ours that stays what it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from prograde.errors import CorruptionError, ProgradeError, UnavailableError


@dataclass(frozen=True, slots=True)
class Provided:
    """What infra/terraform makes of a service, and the roles on it that it gives."""

    things: str
    roles: str


PROVIDED_BY: Mapping[str, Provided] = MappingProxyType(
    {
        "BigQuery": Provided(
            "google_bigquery_table.main, google_bigquery_dataset.scratch",
            "google_bigquery_table_iam_member.appender, google_bigquery_table_iam_member.loader, "
            "google_bigquery_table_iam_member.rewriter, google_bigquery_dataset_iam_member.reader, "
            "google_bigquery_dataset_iam_member.metadata_viewer, google_bigquery_dataset_iam_member.scratch_writer, "
            "google_project_iam_member.job_user",
        ),
        "Cloud Storage": Provided(
            "google_storage_bucket.state, google_storage_bucket.exports",
            "google_storage_bucket_iam_member.state, google_storage_bucket_iam_member.exports_publisher, "
            "google_storage_bucket_iam_member.exports_reader, google_storage_bucket_iam_member.exports_lister",
        ),
        "Cloud Tasks": Provided(
            "google_cloud_tasks_queue.pages, google_cloud_tasks_queue.control",
            "google_cloud_tasks_queue_iam_member.pages_enqueuer, google_cloud_tasks_queue_iam_member.control_enqueuer, "
            "google_cloud_tasks_queue_iam_member.pages_pacer, google_cloud_tasks_queue_iam_member.reader, "
            "google_service_account_iam_member.enqueuer_acts_as_tasks",
        ),
        "Firestore": Provided(
            "google_firestore_database.main, google_firestore_index.main", "google_project_iam_member.firestore_user"
        ),
    }
)
_LACKING_THING = (api.NotFound, api.FailedPrecondition)
_LACKING_ROLE = (api.Unauthorized, api.Forbidden, auth.DefaultCredentialsError)
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
        raise mapped(f"{service}: {type(error).__name__}: {error}{provided_by(service, error)}") from error


def provided_by(service: str, error: Exception) -> str:
    """Tell where to look when something is not there, or not for us."""
    provided = PROVIDED_BY.get(service)
    if provided is None or not isinstance(error, _LACKING_THING + _LACKING_ROLE):
        return ""
    resources = provided.things if isinstance(error, _LACKING_THING) else provided.roles
    return f"; infra/terraform provides it, as one of {resources}"
