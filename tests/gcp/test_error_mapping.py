"""None of Google's errors leaves an adapter: each class is one of ours, or a mistake of ours that stays what it is."""

import inspect
from types import ModuleType

import pytest
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from prograde.adapters.gcp.error_mapping import PROVIDED_BY, mapped_errors, ours
from prograde.errors import CorruptionError, ProgradeError, UnavailableError
from tests.house.checkout import ROOT

pytestmark = pytest.mark.gcp

API: dict[type[ProgradeError] | None, set[str]] = {
    CorruptionError: {"DataLoss"},
    UnavailableError: {
        "Aborted",
        "BadGateway",
        "Cancelled",
        "ClientError",
        "DeadlineExceeded",
        "FailedPrecondition",
        "Forbidden",
        "GatewayTimeout",
        "GoogleAPICallError",
        "InternalServerError",
        "MissingStatusHeaderError",
        "NotFound",
        "PermissionDenied",
        "ResourceExhausted",
        "ResumableTransferError",
        "RetryError",
        "ServerError",
        "ServiceUnavailable",
        "TooManyRequests",
        "TransferStalledError",
        "Unauthenticated",
        "Unauthorized",
        "Unknown",
        "UnseekableStreamError",
        "UploadCancelledError",
    },
    None: {
        "AlreadyExists",
        "AsyncRestUnsupportedParameterError",
        "BadRequest",
        "Conflict",
        "DuplicateCredentialArgs",
        "GoogleAPIError",
        "InvalidArgument",
        "LengthRequired",
        "MethodNotAllowed",
        "MethodNotImplemented",
        "MovedPermanently",
        "NotModified",
        "OutOfRange",
        "PreconditionFailed",
        "Redirection",
        "RequestRangeNotSatisfiable",
        "ResumeIncomplete",
        "TemporaryRedirect",
    },
}


def classes(module: ModuleType) -> dict[str, type[Exception]]:
    return {
        name: member
        for name, member in vars(module).items()
        if inspect.isclass(member) and issubclass(member, Exception) and member.__module__ == module.__name__
    }


def test_every_class_of_the_api_has_its_place() -> None:
    found: dict[type[ProgradeError] | None, set[str]] = {CorruptionError: set(), UnavailableError: set(), None: set()}
    for name, vendor in classes(api).items():
        found[ours(vendor)].add(name)

    assert API == found


def test_every_failure_to_authenticate_may_pass() -> None:
    assert {UnavailableError} == {ours(vendor) for vendor in classes(auth).values()}


@pytest.mark.parametrize(
    "error",
    [
        api.ServiceUnavailable("down"),
        api.PermissionDenied("missing"),
        auth.TransportError("no token"),
        requests.ConnectionError("refused"),
        requests.ReadTimeout("late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_raised_as_ours_with_what_was_said(error: Exception) -> None:
    with (
        pytest.raises(UnavailableError, match=f"Firestore: {type(error).__name__}: .*{error}"),
        mapped_errors("Firestore"),
    ):
        raise error


def test_a_mistake_of_ours_stays_what_it_is() -> None:
    with pytest.raises(api.InvalidArgument), mapped_errors("Firestore"):
        raise api.InvalidArgument("wrong")
    with pytest.raises(ZeroDivisionError), mapped_errors("Firestore"):
        raise ZeroDivisionError


@pytest.mark.parametrize("service", PROVIDED_BY)
@pytest.mark.parametrize("error", [api.NotFound("no queue x"), api.FailedPrecondition("no queue x")])
def test_what_is_missing_is_told_with_the_resource_that_makes_it(service: str, error: Exception) -> None:
    things = PROVIDED_BY[service].things
    with (
        pytest.raises(UnavailableError, match=f"no queue x; infra/terraform provides it, as one of {things}$"),
        mapped_errors(service),
    ):
        raise error


@pytest.mark.parametrize("service", PROVIDED_BY)
@pytest.mark.parametrize("error", [api.PermissionDenied("no"), auth.DefaultCredentialsError("no")])
def test_what_is_forbidden_is_told_with_the_roles_that_allow_it(service: str, error: Exception) -> None:
    roles = PROVIDED_BY[service].roles
    with (
        pytest.raises(UnavailableError, match=f"infra/terraform provides it, as one of {roles}$"),
        mapped_errors(service),
    ):
        raise error


def test_what_is_there_but_fails_is_not_looked_for_elsewhere() -> None:
    with pytest.raises(UnavailableError) as caught, mapped_errors("Firestore"):
        raise api.ServiceUnavailable("down")

    assert "terraform" not in str(caught.value)


def test_the_resources_that_are_named_are_in_the_terraform() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "terraform").glob("*.tf"))
    named = [resources for provided in PROVIDED_BY.values() for resources in (provided.things, provided.roles)]
    for resource in ", ".join(named).split(", "):
        kind, name = resource.split(".")
        assert f'resource "{kind}" "{name}"' in text
