"""An order for a batch, from JSON: what other systems post, by themselves, as a webhook or as a schedule."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from prograde.adapters.roster_csv import COLUMN
from prograde.entrypoints.order import Given, checked_order
from prograde.errors import InputError, Problem
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order

PROFESSIONALS_MAX = 100_000
"""Named in JSON; more of them are an upload, or a stored roster."""


class JsonOrder(BaseModel):
    """What an order says: the source, either a stored roster or who is to be graded, and parameters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Annotated[str, Field(max_length=100, description="the name of a source that there is")]
    professionals: Annotated[
        list[str] | None, Field(max_length=PROFESSIONALS_MAX, description="their ids, as the source knows them")
    ] = None
    roster: Annotated[
        str | None,
        Field(
            pattern=r"^rosters/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv$",
            description="the name of a stored roster, instead of professionals",
        ),
    ] = None
    parameters: Annotated[dict[str, Any], Field(description="what differs from the defaults")] = {}


@contextmanager
def order_from_json(
    sent: JsonOrder, services: Services, env: Mapping[str, str], idempotency_key: str, ordered_by: str
) -> Iterator[Order]:
    """Take such an order; raises NotFoundError for an unknown source or a roster that is not there."""
    text = services.catalog.text(sent.source)

    def read_roster() -> AbstractContextManager[BinaryIO]:
        if (sent.roster is None) == (sent.professionals is None):
            raise InputError([Problem("professionals", None, "name either professionals or a stored roster")])
        content = _csv(sent.professionals or []) if sent.roster is None else services.blobs.read(sent.roster)
        return nullcontext(io.BytesIO(content))

    given = Given(lambda: text, lambda: sent.parameters, read_roster, idempotency_key, ordered_by)
    with checked_order(given, services.clock.now().date(), env) as checked:
        yield checked.order


def _csv(professionals: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([COLUMN])
    writer.writerows([professional] for professional in professionals)
    return text.getvalue().encode()
