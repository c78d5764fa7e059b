"""The service in a process of its own, over a practice market, and a browser to drive it with."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from prograde.sandbox.publishing import write_roster
from tests.browser.sick_market import MARKET, SickTraffic, sick_server
from tests.e2e.machine import Workplace
from tests.e2e.served import served

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


@dataclass(frozen=True)
class Site:
    """The running service, its folder, and what heals the sick agent of its market."""

    url: str
    place: Workplace
    traffic: SickTraffic


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    server, traffic = sick_server()
    with server:
        place = Workplace.make(tmp_path, server, calls_a_second=200)
        write_roster(tmp_path / "roster.csv", MARKET)
        with served(place) as (url, _):
            yield Site(url.rstrip("/"), place, traffic)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Every launch has a profile of its own, in a folder that is gone afterwards.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=site.url, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose console stays silent: a style or a script that the policy refuses is told there."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # A form with mistakes is answered 400, which the browser tells as well.
    assert [] == [text for text in complaints if "status of 400" not in text]
