"""What the form for a new batch offers of sources that cannot be used, and what it says of them."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.service import Service
from tests.web.test_pages import errors_of, form, page

LACKS = "A_TOKEN_THAT_NOBODY_SET"


@pytest.fixture
def unusable(service: Service) -> Iterator[Path]:
    """A source file before the good one by its name, whose environment variable is not set."""
    sources = service.folder / "sources"
    text = (sources / "source.yaml").read_text(encoding="utf-8")
    path = sources / "a-lacking.yaml"
    path.write_text(text.replace("${env:SANDBOX_TOKEN}", f"${{env:{LACKS}}}"), encoding="utf-8")
    yield path
    path.unlink(missing_ok=True)


def option(text: str, name: str) -> str:
    found = re.search(rf'<option value="{name}"[^>]*>[^<]*</option>', text)
    assert found, f"no option {name}"
    return html.unescape(found[0])


def test_a_source_that_cannot_be_used_is_offered_disabled_with_the_reason(service: Service, unusable: Path) -> None:
    text = page(service, "/new")

    assert f'<option value="a-lacking" disabled>a-lacking: {LACKS} is not set, or empty</option>' == option(
        text, "a-lacking"
    )
    assert '<option value="source" selected>source</option>' == option(text, "source"), "the first usable one"
    assert 'href="/sources"' in text

    unusable.write_text("name: broken\n", encoding="utf-8")
    assert " disabled>a-lacking: version: is missing, and 3 more<" in option(page(service, "/new"), "a-lacking")


def test_where_no_source_can_be_used_none_is_chosen(service: Service, unusable: Path) -> None:
    good = service.folder / "sources" / "source.yaml"
    kept = good.rename(good.with_suffix(".kept"))
    try:
        text = page(service, "/new")
    finally:
        kept.rename(good)

    assert '<option value="">None can be used now</option>' == option(text, "")
    assert " selected" not in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, f"client.auth.token: the environment variable {LACKS} is not set, or empty: set it"),
        (b"name: broken\n", "version: is missing: it is required; client: is missing"),
        (b"\xff\xfe", "must be UTF-8 text"),
    ],
)
def test_an_unusable_source_that_is_posted_anyway_is_the_file_s_fault(
    service: Service, unusable: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        unusable.write_bytes(content)

    text = form(service, 400, source="a-lacking").text

    errors = errors_of(text)
    assert {"source"} == set(errors)
    assert html.unescape(errors["source"]).startswith(f"The source file of a-lacking cannot be used: {said}")
    assert "1 thing needs a look" in text
    assert '<option value="">Choose…</option>' in text
