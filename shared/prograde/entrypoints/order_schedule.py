"""An order for a batch, from a schedule: what Cloud Scheduler posts when its time has come."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date
from io import BytesIO
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prograde.adapters.validation import problems_of
from prograde.entrypoints.order import Given, checked_order
from prograde.errors import InputError
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order


class ScheduledBatch(BaseModel):
    """What a schedule says: its name, the source, the roster's blob, and parameters as a form has them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    schedule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    source: str
    roster: Annotated[str, Field(pattern=r"^rosters/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv$")]
    parameters: dict[str, Any] = {}


@contextmanager
def order_from_schedule(body: bytes, services: Services, env: Mapping[str, str]) -> Iterator[Order]:
    """
    Take a schedule's order; the quarter is its idempotency key, so that a retry or a second call is the same batch.

    Raises NotFoundError for an unknown source or a roster that is not there.
    """
    try:
        scheduled = ScheduledBatch.model_validate_json(body)
    except ValidationError as error:
        raise InputError(problems_of(error, ScheduledBatch)) from error
    text = services.catalog.text(scheduled.source)
    roster = services.blobs.read(scheduled.roster)
    today = services.clock.now().date()
    given = Given(
        source_text=lambda: text,
        parameters=lambda: scheduled.parameters,
        roster=lambda: nullcontext(BytesIO(roster)),
        idempotency_key=f"schedule {scheduled.schedule} {quarter(today)}",
    )
    with checked_order(given, today, env) as checked:
        yield checked.order


def quarter(day: date) -> str:
    """Name the quarter of a day, as 2026-Q4."""
    return f"{day.year}-Q{(day.month + 2) // 3}"
