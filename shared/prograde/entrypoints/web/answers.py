"""Answers in JSON."""

from collections.abc import Mapping

import flask
import orjson

from prograde.domain.batch import Batch


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> flask.Response:
    """Answer with a value, dataclasses and times too."""
    response = flask.Response(orjson.dumps(value) + b"\n", status, mimetype="application/json")
    response.headers.update(headers or {})
    return response


def accepted(batch: Batch) -> flask.Response:
    """Answer that a batch was started, or had been by the same order before."""
    return json_answer(
        {"batch_id": batch.batch_id, "status": batch.status}, 202, {"Location": f"/v1/batches/{batch.batch_id}"}
    )
