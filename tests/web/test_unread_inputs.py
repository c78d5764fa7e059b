"""What people send that cannot be read as it is: the form and the API say the same, and what to do."""

import html

import pytest

from tests.web.service import Service
from tests.web.test_pages import ROSTER, errors_of, form

WORKBOOK = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00"
WIDE = "professional_id\nA1\n".encode("utf-16")


@pytest.mark.parametrize(
    ("roster", "said"), [(WORKBOOK, "is a workbook (.xlsx, .ods), no CSV"), (WIDE, "is UTF-16 text")]
)
def test_a_workbook_or_utf_16_is_told_how_to_be_saved_by_the_form_and_the_api(
    service: Service, roster: bytes, said: str
) -> None:
    remedy = f"{said}: save it as CSV (UTF-8): File > Save as"

    assert {"roster": f"I{remedy[1:]}"} == {
        name: html.unescape(text) for name, text in errors_of(form(service, 400, roster=roster).text).items()
    }
    sent = service.post("/v1/batches", 400, data={"source": "source"}, files={"roster": ("roster.xlsx", roster)})
    told = {"field": "roster", "value": f"begins with {roster[:4].hex(' ').upper()}", "remedy": remedy}
    assert [told] == sent.json()["problems"]


def test_a_threshold_in_millions_is_told_in_digits_by_the_form_and_the_api(service: Service) -> None:
    assert {"tier-0-minimum_volume": "Write 40000000"} == errors_of(
        form(service, 400, ROSTER, **{"tier-0-minimum_volume": "$40M"}).text
    )
    roster = {"roster": ("roster.csv", b"professional_id\nA1\n")}
    for volume, field in (
        ('"$40M"', "tiers[0].minimum_volume"),
        ("40,000,000", "minimum_volume"),
        ("40M", "minimum_volume"),
    ):
        parameters = f'{{"tiers": [{{"name": "A", "minimum_volume": {volume}}}, {{"name": "F"}}]}}'
        told = {"field": field, "value": volume.strip('"'), "remedy": "write 40000000"}
        as_form = {"source": "source", "parameters": parameters}
        as_json = f'{{"source": "source", "professionals": ["A1"], "parameters": {parameters}}}'
        sent = service.post("/v1/batches", 400, data=as_form, files=roster)
        assert [told] == sent.json()["problems"]
        sent = service.post("/v1/batches", 400, data=as_json, headers={"Content-Type": "application/json"})
        assert [told] == sent.json()["problems"]
