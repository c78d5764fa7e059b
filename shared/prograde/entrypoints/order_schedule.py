"""An order for a batch, from a schedule: what Cloud Scheduler posts when its time has come."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Annotated

from pydantic import Field, ValidationError

from prograde.adapters.validation import problems_of
from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.order_json import order_from_json
from prograde.errors import InputError
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order


class ScheduledBatch(JsonOrder):
    """What a schedule says: its name, and its order."""

    schedule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


def order_from_schedule(body: bytes, services: Services, env: Mapping[str, str]) -> AbstractContextManager[Order]:
    """
    Take a schedule's order; the quarter is its idempotency key, so that a retry or a second call is the same batch.

    Raises NotFoundError for an unknown source or a roster that is not there.
    """
    try:
        scheduled = ScheduledBatch.model_validate_json(body)
    except ValidationError as error:
        raise InputError(problems_of(error, ScheduledBatch)) from error
    key = f"schedule {scheduled.schedule} {quarter(services.clock.now().date())}"
    return order_from_json(scheduled, services, env, key, f"schedule {scheduled.schedule}")


def quarter(day: date) -> str:
    """Name the quarter of a day, as 2026-Q4."""
    return f"{day.year}-Q{(day.month + 2) // 3}"
