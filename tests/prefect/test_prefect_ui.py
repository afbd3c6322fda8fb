"""The Prefect UI in a real browser: a person runs the job, looks at what came of it, corrects a tag and finds the correction.

Pictures of every step are written with `pytest --screenshots DIR tests/prefect/test_prefect_ui.py`.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.store import recipients
from models.weeks import utc_now
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.prefect_server import Product, until

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright (the extra `test` has it)")

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium: 'apt-get install chromium'"),
]
READER = "reader.of.the.ui@example.org"
PATIENCE_MS = 60_000
CLICKS = 3
ANSWERED_SECONDS = 15.0
# Tables and pictures that are wider than where they stand.
CUT_OFF = """() => [...document.querySelectorAll('main table, main img, main pre')]
    .filter(one => one.scrollWidth > one.parentElement.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map(one => one.innerText || one.alt)"""


class Browser:
    """A person at the UI."""

    def __init__(self, page: Any, product: Product, folder: Path) -> None:
        self.page = page
        self.product = product
        self._folder = folder
        self._shots = 0

    def open(self, path: str) -> None:
        self.page.goto(f"{self.product.ui}{path}", timeout=PATIENCE_MS)

    def see(self, words: str | re.Pattern[str]) -> None:
        playwright.expect(self.page.get_by_text(words).first).to_be_visible(timeout=PATIENCE_MS)

    def shoot(self, name: str) -> None:
        self._shots += 1
        self.page.wait_for_timeout(600)  # for transitions to end
        self.page.screenshot(path=self._folder / f"{self._shots:02d}-{name}.png", full_page=True)

    def form(self, deployment: str, query: str = "") -> None:
        self.open(f"/deployments/deployment/{self.product.deployment(deployment)['id']}/run{query}")
        playwright.expect(self.page.get_by_role("button", name="Submit")).to_be_visible(timeout=PATIENCE_MS)

    def field(self, label: str) -> Any:
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}")).first

    def submit(self, deployment: str) -> dict[str, Any]:
        """Send the form and wait for the end of the run that it started."""
        before = {run["id"] for run in self.product.runs(deployment)}
        for _ in range(CLICKS):  # the server's SQLite may be locked for a moment; a person clicks again
            self.page.get_by_role("button", name="Submit").click()
            try:
                self.page.wait_for_url(re.compile(r"/deployments/deployment/[^/]+(\?|$)"), timeout=PATIENCE_MS / 3)
                break
            except playwright.TimeoutError:
                continue
        started: list[dict[str, Any]] = []

        def seen() -> bool:
            started[:] = [run for run in self.product.runs(deployment) if run["id"] not in before]
            return bool(started)

        until(seen, 30)
        # The list also holds runs that the schedule has made meanwhile; the form's is not one of those.
        mine = next(run for run in started if not run["auto_scheduled"])
        return self.product.ended(mine["id"])

    def artifact(self, key: str) -> None:
        self.open(f"/artifacts/artifact/{self.product.artifact(key)['id']}")

    def fits(self) -> None:
        """Nothing of the artifact that is open is cut off, nor to be scrolled to."""
        assert self.page.evaluate(CUT_OFF) == []


@pytest.fixture
def browser(product: Product, request: pytest.FixtureRequest) -> Iterator[Browser]:
    folder: Path = request.config.getoption("--screenshots") or product.folder / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            yield Browser(chromium.new_page(viewport={"width": 1300, "height": 1000}), product, folder)
        finally:
            chromium.close()


def test_a_person_runs_the_job_reviews_a_story_and_finds_the_correction(browser: Browser, product: Product) -> None:
    page = browser.page
    browser.open("/deployments")
    browser.see("monitor")
    browser.shoot("deployments")
    page.get_by_role("button", name="Go to next page").click()
    browser.see("review-queue")

    browser.form("monitor")
    page.get_by_role("switch", name="all_due").click()
    pages = page.get_by_role("spinbutton", name="max_pages")
    pages.fill("-5")
    page.get_by_role("button", name="Submit").click()
    assert "greater than or equal to 0" in pages.evaluate("field => field.validationMessage")
    assert page.url.endswith("/run")
    browser.shoot("monitor-refuses-wrong-input")
    pages.fill("500")
    browser.shoot("monitor-form")
    run = browser.submit("monitor")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert run["parameters"] == {"sources": [], "all_due": True, "max_pages": 500}
    browser.open(f"/runs/flow-run/{run['id']}")
    browser.see("Completed")
    browser.shoot("monitor-run")

    browser.open("/artifacts")
    browser.see("run-summary")
    browser.shoot("artifacts")
    browser.open(f"/runs/flow-run/{run['id']}")
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_role("link", name="run-summary").first.click()  # the run's page leads to what came of it
    browser.see("What became of every entry")
    browser.shoot("run-summary")
    browser.artifact("source-health")
    browser.see("The National Courier")
    browser.shoot("source-health")
    browser.fits()

    browser.form("digest")
    page.get_by_role("button", name="Select week").click()
    page.get_by_role("option", name="three weeks ago").click()  # on a Monday morning this week has no story yet
    page.get_by_role("switch", name="dry_run").click()  # a week that was sent would change no more
    browser.shoot("digest-form")
    assert browser.submit("digest")["state_type"] == "COMPLETED"
    browser.artifact("edition")
    browser.see("In brief")
    browser.shoot("edition")
    browser.artifact("theme-trends")
    playwright.expect(page.locator("img[src^='data:image/svg']").first).to_be_visible(timeout=PATIENCE_MS)
    browser.shoot("theme-trends")

    edition = product.artifact("edition")["data"]
    article = int(re.findall(r"article (\d+)", edition)[0])
    product.run("review-queue")
    browser.artifact("review-list")
    browser.see("Corrections count at once")
    browser.shoot("review-list")
    browser.fits()

    browser.form("review", f"?parameters=%7B%22article%22%3A%22{article}%22%7D")
    playwright.expect(page.get_by_role("textbox", name="article")).to_have_value(str(article), timeout=PATIENCE_MS)
    page.get_by_role("button", name="Select in_scope").click()
    page.get_by_role("option", name="no", exact=True).click()
    page.get_by_role("textbox", name="note").fill("about something else")
    page.get_by_role("textbox", name="reviewer").fill("Ada")
    browser.shoot("review-form")
    review = browser.submit("review")
    assert review["state_type"] == "COMPLETED", review["state"]["message"]
    browser.artifact("review")
    browser.see("changed")
    browser.shoot("review")

    browser.form("digest")
    page.get_by_role("button", name="Select week").click()
    page.get_by_role("option", name="three weeks ago").click()
    page.get_by_role("switch", name="dry_run").click()
    assert browser.submit("digest")["state_type"] == "COMPLETED"
    after = product.artifact("edition")["data"]
    assert article not in map(int, re.findall(r"article (\d+)", after))
    browser.artifact("edition")
    browser.see("In brief")
    browser.shoot("edition-after-the-review")


def test_a_person_says_yes_and_the_digest_goes_on(browser: Browser, product: Product) -> None:
    page = browser.page
    mailboxes = Mailboxes()
    with product.database() as database, database.write() as session:
        recipients.add(READER, utc_now(), send_empty=True, session=session)
    with (
        smtp_server(mailboxes) as port,
        product.settings(APPROVAL="true", SMTP_URL=f"smtp://127.0.0.1:{port}"),
    ):
        run = product.start_run("digest", {"week": "two weeks ago"})
        question = product.paused("approval")
        browser.open(f"/runs/flow-run/{question}")
        browser.see("choose Resume in this run's menu")
        browser.shoot("approval-waits")
        for _ in range(CLICKS):
            page.get_by_role("main").locator("button[aria-haspopup=menu]").first.click()
            page.get_by_role("menuitem", name="Resume").click()
            browser.see("Without an answer within 4 hours, it is held back.")
            page.get_by_role("textbox", name="Your name").fill("Grace")
            browser.shoot("approval")
            page.get_by_role("button", name="Resume").click()
            if product.is_answered(question, ANSWERED_SECONDS):
                break
            browser.open(f"/runs/flow-run/{question}")  # as above: it still waits, so a person clicks again
        ended = product.ended(run)
    assert ended["state_type"] == "COMPLETED"
    assert "(approved by Grace" in ended["state"]["message"]
    with product.database() as database, database.write() as session:
        recipients.erase(READER, utc_now(), session=session)
    assert mailboxes.counts()[READER] == 1
