"""How a source is said to be, by its batches."""

from dataclasses import replace

import pytest

from prograde.domain.batch import BatchStatus
from prograde.domain.source_health import Outage
from prograde.entrypoints.web.listed_sources import ListedSource
from prograde.entrypoints.web.pages_sources import SourceRow
from tests.unit.examples import BATCH, NOW
from tests.web.service import EVERYBODY, Service
from tests.web.test_pages import page

RUNNING, PAUSED, COMPLETE, INCOMPLETE = (
    replace(BATCH, status=status)
    for status in (BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.COMPLETE, BatchStatus.INCOMPLETE)
)
FILE = ListedSource("a")
IN_AN_OUTAGE = replace(RUNNING, outage=Outage(NOW, "K1", NOW))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (SourceRow(FILE), "not asked lately"),
        (SourceRow(FILE, last=INCOMPLETE), "last batch incomplete"),
        (SourceRow(FILE, last=INCOMPLETE, last_good=COMPLETE), "last batch incomplete"),
        (SourceRow(FILE, last=COMPLETE, last_good=COMPLETE), "last batch complete"),
        (SourceRow(FILE, last=COMPLETE, under_way=(PAUSED,)), "paused"),
        (SourceRow(FILE, last=COMPLETE, under_way=(PAUSED, RUNNING)), "being asked"),
        (SourceRow(FILE, last=COMPLETE, under_way=(RUNNING, IN_AN_OUTAGE)), "answers nobody"),
    ],
)
def test_a_source_is_judged_by_what_is_under_way_else_by_the_last_batch_that_is_over(
    row: SourceRow, expected: str
) -> None:
    assert expected == row.health[0]


def test_the_page_says_why_a_batch_of_the_source_is_paused_and_how_the_last_one_ended(service: Service) -> None:
    batch_id = service.with_dead_letters(EVERYBODY[:1])
    assert "paused: <span" in page(service, "/sources")
    assert "paused by request</span>" in page(service, "/sources")

    service.post(f"/v1/batches/{batch_id}/cancel")
    service.finished(batch_id)

    assert "last batch cancelled</span>" in page(service, "/sources")
    assert "<dt>Last batch</dt>" in page(service, "/sources")
