"""An order for a batch, from JSON: what other systems post, by themselves, as a webhook or as a schedule."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import BinaryIO

from prograde.adapters.roster_csv import COLUMN
from prograde.entrypoints.json_order import JsonOrder
from prograde.entrypoints.order import Given, checked_order
from prograde.errors import InputError, Problem
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import Order


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
