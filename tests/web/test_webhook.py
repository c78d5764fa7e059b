import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
import requests
from standardwebhooks import Webhook

from prograde.settings import WEBHOOK_SECRET
from tests.web.service import AS_OF, EVERYBODY, Service

OLD, NEW = (f"whsec_{letter * 40}" for letter in "Qd")
ORDER = {
    "type": "batch.ordered",
    "timestamp": "2026-11-21T12:00:00Z",
    "data": {"source": "source", "professionals": EVERYBODY[:2], "parameters": {"as_of": str(AS_OF)}},
}


@pytest.fixture(autouse=True)
def rotating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK_SECRET, f"{OLD} {NEW}")


def send(
    service: Service,
    status: int,
    webhook_id: str = "msg_1",
    *,
    body: str = json.dumps(ORDER),
    secret: str = NEW,
    age: timedelta = timedelta(),
    changed: Mapping[str, str] = MappingProxyType({}),
) -> requests.Response:
    """Send a webhook as the reference library signs it; `changed` headers are changed after it was signed."""
    at = datetime.now(UTC) - age
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
        **changed,
    }
    return service.post("/v1/webhooks/batches", status, data=body, headers=headers)


def test_a_signed_webhook_starts_the_batch_that_it_names(service: Service) -> None:
    response = send(service, 202, "msg_first")
    assert {"status": "queued"} == response.json()
    shown = service.get(response.headers["Location"]).json()
    assert ("webhook", 2) == (shown["ordered_by"], shown["professionals"])


def test_a_webhook_that_comes_again_is_the_same_batch(service: Service) -> None:
    first, again = (send(service, 202, "msg_again") for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]
    other = send(service, 202, "msg_other")
    assert first.headers["Location"] != other.headers["Location"]


def test_any_of_the_secrets_may_have_signed_it_and_any_of_the_signatures_may_hold(service: Service) -> None:
    send(service, 202, "msg_old", secret=OLD)
    send(service, 401, "msg_retired", secret=f"whsec_{'E' * 40}")
    at = datetime.now(UTC)
    signatures = [Webhook(secret).sign("msg_two", at, json.dumps(ORDER)) for secret in (f"whsec_{'E' * 40}", NEW)]
    send(service, 202, "msg_two", changed={"webhook-signature": " ".join([*signatures, "v2,abc", "nonsense"])})


def batch_ids(service: Service) -> list[str]:
    return [batch["batch_id"] for batch in service.get("/v1/batches").json()["batches"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-id": "msg.1"},
        {"webhook-timestamp": "1700000000"},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "9" * 13},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,!!"},
        {"webhook-signature": "v1,AAAA" + " v1,AAAA" * 1_000},
        {"webhook-signature": "v1a,AAAA"},
    ],
    ids=str,
)
def test_a_webhook_whose_signature_does_not_hold_starts_nothing(service: Service, changed: dict[str, str]) -> None:
    before = batch_ids(service)
    response = send(service, 401, changed=changed)
    assert "application/problem+json" == response.headers["Content-Type"]
    assert before == batch_ids(service)


def test_another_body_under_the_same_signature_starts_nothing(service: Service) -> None:
    at = datetime.now(UTC)
    signature = Webhook(NEW).sign("msg_body", at, json.dumps(ORDER))
    other = json.dumps({**ORDER, "timestamp": "later"})
    send(service, 401, "msg_body", body=other, changed={"webhook-signature": signature})


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_webhook_out_of_its_time_is_refused(service: Service, age: timedelta) -> None:
    assert "five minutes" in send(service, 401, "msg_age", age=age).json()["detail"]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"type": "batch.cancelled", "data": ORDER["data"]}, "type"),
        ({"type": "batch.ordered", "data": {"source": "source"}}, "professionals"),
        ({"type": "batch.ordered"}, "data"),
    ],
)
def test_a_signed_webhook_that_orders_nothing_sensible_is_told_so(service: Service, order: object, field: str) -> None:
    response = send(service, 400, "msg_bad", body=json.dumps(order))
    assert field in [problem["field"] for problem in response.json()["problems"]]


@pytest.mark.parametrize("secret", ["", "whsec_c2hvcnQ=", "whsec_!!", "Q" * 40])
def test_without_a_good_secret_no_webhook_is_taken(
    service: Service, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv(WEBHOOK_SECRET, secret)
    response = send(service, 503)
    assert [WEBHOOK_SECRET] == [problem["field"] for problem in response.json()["problems"]]
    assert secret == "" or secret not in response.text
