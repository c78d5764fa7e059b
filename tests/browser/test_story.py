"""The whole story in a browser, with JavaScript and without."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.sick_market import AGENTS, AS_OF, SICK
from tests.browser.story import download, estimate, fill_the_form, start, watch_it_finish

pytestmark = pytest.mark.web


def the_story(page: Page, site: Site, folder: Path) -> None:
    fill_the_form(page, site)
    estimate(page)
    expect(page.get_by_text("assumed: 4 calls a professional")).to_be_visible()
    batch_id = start(page)
    watch_it_finish(page)

    # Somebody failed: look at the evidence, and ask again.
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("link", name=SICK).click()
    page.get_by_text("The answer").last.click()
    expect(page.get_by_text("<script>alert(1)</script>").last).to_be_visible()
    site.traffic.healed.set()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Their dead letters are open again")).to_be_visible()
    watch_it_finish(page)
    expect(page.get_by_text("Grading run 2 of 2")).to_be_visible()

    # A professional, from the ranked list down to the raw answers.
    page.get_by_role("searchbox").fill(SICK)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=SICK).or_(page.locator("tbody th a")).first.click()
    expect(page.get_by_role("heading", name="Why ")).to_be_visible()
    expect(page.get_by_text("counted:").first).to_be_visible()
    page.goto(f"/batches/{batch_id}")

    # What is downloaded is what was published, and what the command line exports.
    content = download(page, "graded.csv", folder)
    exported = site.place.prograde("export", batch_id, "--to", "out", "--data-dir", "data")
    assert 0 == exported.returncode, exported.stderr
    assert (site.place.folder / "out" / "graded.csv").read_bytes() == content
    assert AGENTS == len(list(csv.DictReader(io.StringIO(content.decode(), newline=""))))
    download(page, "salesforce_leads.csv", folder)

    page.get_by_role("link", name="Batches").first.click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text(batch_id)


def test_a_batch_from_the_form_to_the_crm(page: Page, site: Site, tmp_path: Path) -> None:
    the_story(page, site, tmp_path)


def test_the_same_without_javascript(browser: Browser, site: Site, tmp_path: Path) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    the_story(context.new_page(), site, tmp_path)
    context.close()


def test_every_mistake_stands_beside_its_field_and_nothing_typed_is_lost(page: Page, site: Site) -> None:
    fill_the_form(page, site)
    page.get_by_label("Tier 1: minimum volume in dollars").fill("a lot")
    page.get_by_label("Tier 2: minimum sides").fill("-1")
    page.get_by_label("Tier 7: name").fill("G")
    page.get_by_label("As of").fill("2026-06-29")
    page.get_by_label("Cutoff").fill("2026-06-30")
    estimate(page)

    expect(page.get_by_role("alert")).to_contain_text("Tier A+, from volume")
    first = page.get_by_label("Tier 1: minimum volume in dollars")
    expect(first).to_have_value("a lot")
    expect(first).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#cutoff-error")).to_contain_text("Must not lie after as_of")
    expect(page.get_by_label("Tier 7: name")).to_have_value("G")
    expect(page.get_by_text("Kept from before: roster.csv")).to_be_visible()

    page.get_by_role("link", name="Cutoff").click()
    expect(page.get_by_label("Cutoff")).to_be_in_viewport()

    first.fill("$40,000,000")
    page.get_by_label("Tier 2: minimum sides").fill("")
    page.get_by_label("Tier 7: name").fill("")
    page.get_by_label("Cutoff").fill("")
    estimate(page)
    expect(page.get_by_role("button", name="Start the batch")).to_be_visible()


def test_what_is_started_is_what_was_estimated(page: Page, site: Site) -> None:
    fill_the_form(page, site)
    estimate(page)
    page.get_by_label("As of").fill("2026-06-01")
    page.get_by_role("button", name="Start the batch").click()

    expect(page.get_by_text("You changed something since the last estimate")).to_be_visible()
    batch_id = start(page)
    expect(page.locator("h1")).to_contain_text("as of 2026-06-01")

    # The same form again, by the back button: the same batch, not another one.
    page.goto("/")
    expect(page.get_by_role("row").last).to_contain_text(batch_id)
    expect(page.get_by_role("row")).to_have_count(2)


def test_a_batch_is_paused_resumed_and_cancelled(page: Page, site: Site) -> None:
    (site.place.folder / "source.yaml").write_text(
        (site.place.folder / "source.yaml").read_text().replace("limit: 200", "limit: 5"), encoding="utf-8"
    )
    fill_the_form(page, site)
    estimate(page)
    start(page)

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("h1 .pill")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1 .pill")).to_have_text("running")
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel the batch").click()
    watch_it_finish(page, status="cancelled")


def test_the_keyboard_alone_is_enough(page: Page, site: Site) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Start the first batch")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New batch")).to_be_visible()
    fill_the_form(page, site)
    page.get_by_label("As of").press("Enter")
    expect(page.get_by_role("heading", name="Estimate")).to_be_visible()
    assert str(AS_OF) == page.get_by_label("As of").input_value()
