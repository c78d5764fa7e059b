"""A webhook that starts a batch: signed as Standard Webhooks says (github.com/standard-webhooks)."""

import hmac
import os
import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import flask
from pydantic import BaseModel, ConfigDict
from werkzeug.datastructures import Headers

from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.web.answers import json_answer
from prograde.entrypoints.web.reading import parsed_json
from prograde.entrypoints.web.route import JSON, Call, Route
from prograde.entrypoints.web.shapes import Queued
from prograde.errors import UnknownCallerError
from prograde.ports import Caller
from prograde.settings import webhook_secrets
from prograde.use_cases.start_batch import start_batch

TOLERANCE = timedelta(minutes=5)
SIGNATURES_MAX = 10
# A full stop would let an id and a timestamp be parted in two ways, under one signature.
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,255}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class BatchOrdered(BaseModel):
    """What a webhook says: the order of a batch."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["batch.ordered"]
    timestamp: str = ""
    data: JsonOrder


def take_webhook(call: Call) -> flask.Response:
    """Start the batch that a signed webhook orders; the same webhook again is the same batch."""
    # What reads source files is much, and a webhook that proves nothing never needs it.
    from prograde.entrypoints.order_json import order_from_json

    body = call.request.get_data()
    webhook_id = verified_id(webhook_secrets(os.environ), call.request.headers, body, call.services.clock.now())
    ordered = parsed_json(body, BatchOrdered).data
    with order_from_json(ordered, call.services, os.environ, f"webhook {webhook_id}", "webhook") as order:
        batch = start_batch(call.services, order)
    return json_answer(Queued("queued"), 202, {"Location": f"/v1/batches/{batch.batch_id}"})


def verified_id(secrets: Sequence[bytes], headers: Headers, body: bytes, now: datetime) -> str:
    """
    Give a webhook's id if one of the secrets signed it lately; raises UnknownCallerError.

    Each signature is compared with each secret's, in constant time and to the end: how long it takes tells nothing.
    """
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise UnknownCallerError("send the headers webhook-id, webhook-timestamp (seconds) and webhook-signature")
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = [hmac.digest(secret, signed, "sha256") for secret in secrets]
    given = [_signature(text) for text in headers.get("webhook-signature", "").split(" ")[:SIGNATURES_MAX]]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(matches):
        raise UnknownCallerError("no signature of this webhook holds")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > TOLERANCE:
        raise UnknownCallerError("this webhook was sent more than five minutes ago, or is yet to be")
    return webhook_id


def _signature(text: str) -> bytes:
    """Read "v1,BASE64"; nothing that could match for anything else."""
    version, _, signature = text.partition(",")
    try:
        return b64decode(signature, validate=True) if version == "v1" else b""
    except ValueError:
        return b""


ROUTES = (Route("POST", "/v1/webhooks/batches", Caller.WEBHOOK, take_webhook, takes=JSON),)
