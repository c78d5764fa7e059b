"""Each page as people with and without good eyes meet it: axe finds nothing serious; pictures are kept to look at."""

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from prograde.entrypoints.web.pages_letters import LETTERS_SHOWN
from tests.browser.conftest import Site
from tests.browser.sick_market import SICK
from tests.browser.story import estimate, fill_the_form, start, watch_it_finish
from tests.house.checkout import ROOT

pytestmark = pytest.mark.web

AXE = ROOT / "build" / "axe-core" / "package" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
DESK, PHONE = ViewportSize(width=1200, height=900), ViewportSize(width=390, height=844)


def findings(page: Page) -> list[str]:
    """What axe finds serious or critical: its rule and the element."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


class Looks:
    """Judges a page as it stands: by day, by night and on a phone."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.problems: list[str] = []

    def at(self, address: str, picture: str) -> None:
        """Go there, and judge it."""
        self._page.goto(address)
        self.now(picture)

    def now(self, picture: str) -> None:
        """Judge what is shown."""
        self._picture(f"{picture}-light")
        self.problems += findings(self._page)
        self._page.emulate_media(color_scheme="dark")
        self._picture(f"{picture}-dark")
        self.problems += findings(self._page)
        self._page.emulate_media(color_scheme="light")
        self._page.set_viewport_size(PHONE)
        self._picture(f"{picture}-phone")
        if self._page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            self.problems.append(f"{picture} is wider than a phone")
        self._page.set_viewport_size(DESK)

    def _picture(self, name: str) -> None:
        self._page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_every_page_is_accessible_by_day_and_night_and_fits_a_phone(browser: Browser, site: Site) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    source = site.place.folder / "source.yaml"
    source.write_text(source.read_text(encoding="utf-8").replace("limit: 200", "limit: 40"), encoding="utf-8")
    context = browser.new_context(base_url=site.url, viewport=DESK)
    page = context.new_page()
    looks = Looks(page)

    looks.at("/", "batches-empty")
    looks.at("/new", "new")
    page.get_by_label("Tier 2: minimum sides").fill("many")
    estimate(page)
    looks.now("new-mistakes")
    graded(page, site)
    fill_the_form(page, site)
    estimate(page)
    looks.now("new-estimate")
    batch_id = start(page)
    expect(page.locator("#progress .key")).to_contain_text("done")
    # It stands still while it is looked at: the batch may end any moment, and the page would be loaded anew.
    page.route("**/batches/*", lambda route: route.fulfill(status=304))
    looks.now("batch-running")
    page.unroute("**/batches/*")
    watch_it_finish(page)
    looks.at("/", "batches")
    looks.at(f"/batches/{batch_id}", "batch")
    looks.at(f"/batches/{batch_id}/dead-letters", "dead-letters")
    looks.at(f"/batches/{batch_id}/professionals", "professionals")
    best = str(page.locator("tbody th a").first.get_attribute("href"))
    looks.at(f"/batches/{batch_id}/professionals?q=zzz", "professionals-none")
    looks.at(f"/batches/{batch_id}/professionals/{SICK}", "professional-failed")
    looks.at(best, "professional")
    looks.at("/sources", "sources")
    looks.at("/nowhere", "nowhere")
    context.close()

    assert [] == looks.problems


def test_on_a_phone_no_column_is_cut_off_and_the_buttons_stay_at_hand(browser: Browser, site: Site) -> None:
    roster = site.place.folder / "roster.csv"
    unknown = "".join(f"Z{number:02}\n" for number in range(30))
    roster.write_text(roster.read_text(encoding="utf-8") + unknown, encoding="utf-8")
    context = browser.new_context(base_url=site.url, viewport=PHONE)
    page = context.new_page()
    batch_id = graded(page, site)

    page.goto("/new")
    assert page.locator(".scroll").evaluate("tiers => tiers.scrollWidth <= tiers.clientWidth")
    page.goto(f"/batches/{batch_id}/dead-letters")
    expect(page.get_by_role("checkbox")).to_have_count(LETTERS_SHOWN)
    expect(page.get_by_role("button", name="Discard the chosen")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Replay the chosen").click()
    expect(page.get_by_role("alert")).to_have_text("Tick the professionals that are meant.")
    expect(page.get_by_role("checkbox").first).to_be_in_viewport()
    context.close()


def graded(page: Page, site: Site) -> str:
    """Have a batch run to its end."""
    fill_the_form(page, site)
    estimate(page)
    batch_id = start(page)
    watch_it_finish(page)
    return batch_id


def test_axe_finds_what_nobody_can_read_or_name(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><p style="color:#ddd">pale</p><input></main>')

    assert ["color-contrast", "label"] == sorted(finding.split(": ")[1] for finding in findings(page))
    page.close()
