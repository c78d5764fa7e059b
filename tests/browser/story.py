"""What a sales team does with the pages, step by step; with JavaScript and without."""

from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS, Site
from tests.browser.sick_market import AS_OF


def fill_the_form(page: Page, site: Site) -> None:
    """Fill the form in, without pressing anything."""
    page.goto("/new")
    page.get_by_label("Source").select_option("source")
    page.get_by_label("Roster", exact=True).set_input_files(site.place.folder / "roster.csv")
    page.get_by_label("As of").fill(str(AS_OF))


def estimate(page: Page) -> None:
    page.get_by_role("button", name="Estimate").last.click()


def start(page: Page) -> str:
    """Start the estimated batch, and return its id."""
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_text("The batch has been started.")).to_be_visible()
    return page.url.rsplit("/", 1)[1].partition("?")[0]


def watch_it_finish(page: Page, status: str = "complete") -> None:
    """Wait without touching anything."""
    expect(page.locator("h1 .pill")).to_have_text(status, timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name="graded.csv", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def download(page: Page, name: str, folder: Path) -> bytes:
    """Download a file, and hold it against the checksum beside it."""
    with page.expect_download() as found:
        page.get_by_role("link", name=name, exact=True).click()
    found.value.save_as(folder / name)
    content = (folder / name).read_bytes()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    expect(row).to_contain_text(sha256(content).hexdigest())
    return content
