"""An order for a batch, from a posted form."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, BinaryIO, cast

import flask
import orjson

from prograde.adapters.listing_api.source_yaml import TEXT_LENGTH_MAX
from prograde.entrypoints.order import Given, checked_order
from prograde.entrypoints.parameters import amounts_without_quotes
from prograde.errors import InputError, Problem
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order

BRACKETS_MAX = 100
"""Of the parameters as JSON: twice as many as the largest rubric takes."""


@contextmanager
def order_from_form(
    request: flask.Request, services: Services, idempotency_key: str, ordered_by: str
) -> Iterator[Order]:
    """
    Take a posted form: fields `source` (a known source's name) and `parameters` (JSON, optional), file `roster`.

    Raises NotFoundError for an unknown source.
    """
    name = request.form.get("source", "")
    upload = request.files.get("roster")
    text = services.catalog.text(name)

    def read_parameters() -> dict[str, Any]:
        sent = request.form.get("parameters", "") or "{}"
        # What is nested without end could be read, but not shown to whoever sent it.
        if len(sent) > TEXT_LENGTH_MAX or sent.count("[") + sent.count("{") > BRACKETS_MAX:
            remedy = f"must have at most {TEXT_LENGTH_MAX:,} characters and {BRACKETS_MAX} lists and objects"
            raise InputError([Problem("parameters", sent[:80], remedy)])
        try:
            values = orjson.loads(sent)
        except orjson.JSONDecodeError as error:
            is_no_json = Problem("parameters", sent[:80], f"is no JSON: {error}")
            raise InputError(amounts_without_quotes(sent) or [is_no_json]) from error
        if not isinstance(values, dict):
            raise InputError([Problem("parameters", sent[:80], "must be a JSON object")])
        return values

    def read_roster() -> AbstractContextManager[BinaryIO]:
        if upload is None:
            raise InputError([Problem("roster", None, "send a CSV file in the form's field roster")])
        return nullcontext(cast("BinaryIO", upload.stream))

    given = Given(lambda: text, read_parameters, read_roster, idempotency_key, ordered_by)
    with checked_order(given, services.clock.now().date(), os.environ) as checked:
        yield checked.order
