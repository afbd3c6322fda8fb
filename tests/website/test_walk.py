"""A person walks the web edition in a real browser: finds a trust, follows a theme, says what is wrong, changes what they
receive, leaves. On a phone in the dark and at a desk; every page fits, reads well, and asks no other machine.

Pictures are written with `pytest --screenshots DIR tests/website/test_walk.py`.
"""

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from flows.website.app import make_app
from flows.website.server import make_server
from models.organisations import load_organisations
from models.store import recipients
from models.store.database import Database, open_database
from models.store.organisations import record_organisations
from models.store.tables import Article, Recipient, StoredMention, Suggestion
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import filled

playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]' brings Playwright")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
if CHROMIUM is None:
    pytest.skip("no Chromium on the path: `apt-get install chromium` brings one", allow_module_level=True)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TRUST = "nhs-england"
CONTRASTS = {"latest", "search", "preferences", "preferences-changed"}  # with every colour in them


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    """A database, and the address of the web edition that serves it."""
    folder = tmp_path_factory.mktemp("walk")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        settings = filled(database, folder)
        with database.write() as session:
            record_organisations(load_organisations(None), session=session)
            for number in session.exec(select(Article.id).where(Article.scope_state == "yes").limit(40)).all():
                session.add(
                    StoredMention(
                        article_id=number or 0, organisation_id=TRUST, place="text", start_offset=0, end_offset=3
                    )
                )
        app = make_app(database, fakes.REGISTRY, settings, lambda: fakes.MONDAY_7)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = make_server(app, "127.0.0.1", 0)
            thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
            thread.start()
            yield database, f"http://127.0.0.1:{listening.getsockname()[1]}"
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 320), ("light", 1280)])
def test_the_walk(
    store: tuple[Database, str],
    browser: Any,
    scheme: str,
    width: int,
    request: pytest.FixtureRequest,
) -> None:
    axe = pytest.importorskip("axe_core_python.base", reason="pip install axe-core-python brings axe-core")
    database, root = store
    address = f"reader-{width}@example.org"
    with database.write() as session:
        token = recipients.add(address, fakes.MONDAY_7, session=session)[0].token
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=True, bypass_csp=True
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    folder = request.config.getoption("--screenshots")

    def look(name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        if folder:
            clip = {"x": 0, "y": 0, "width": width, "height": 1800}
            page.screenshot(path=folder / f"walk-{name}-{width}.png", clip=clip, full_page=True)
        if scheme == "light" and name not in CONTRASTS:  # what is not colour is the same, and axe takes its time
            return
        page.evaluate(axe.AXE_SCRIPT)
        found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]] == [], name

    def press(what: Any) -> None:
        with page.expect_navigation():  # a click returns before the next page is there
            what.click()

    def follow(name: str) -> None:
        press(page.get_by_role("link", name=name, exact=True).first)

    page.goto(root)
    look("latest")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    follow("Organisations")
    look("organisations")
    follow("NHS England")
    look("organisation")
    follow("Search within these")
    page.get_by_role("searchbox").fill("staff OR <script>alert(1)</script> -nothing")
    press(page.get_by_role("button", name="Search"))
    page.get_by_role("searchbox").fill("staff")
    press(page.get_by_role("button", name="Search"))
    assert page.locator("mark").count() > 0
    page.get_by_text("Counts by theme").click()
    look("search")
    follow("Themes")
    look("themes")
    follow("Workforce")
    page.get_by_text("The numbers as a table").click()
    look("theme")
    follow("Recommendations")
    look("recommendations")
    press(page.locator("article a", has_text="Why it is here").first)
    look("story")
    page.get_by_label("It does not apply").check()
    page.get_by_label("Why (you may leave this empty)").fill("It is about a car park.")
    press(page.get_by_role("button", name="Suggest it to a reviewer"))
    assert "waits for a reviewer" in page.get_by_role("status").inner_text()
    for name in ("Every week", "Sources", "About"):
        follow(name)
        look(name)
    page.goto(f"{root}/unsubscribe/{token}")
    look("unsubscribe")
    follow("change what you receive")
    look("preferences")
    page.get_by_role("group", name="Themes").get_by_label("Workforce").check()
    page.get_by_label("Wales").check()
    page.get_by_label("On weekdays too").check()
    page.get_by_label("Watch organisations").fill("NHS England")
    page.get_by_label("Organisations that you watch", exact=True).last.check()
    press(page.get_by_role("button", name="Keep this choice"))
    assert page.get_by_role("group", name="Themes").get_by_label("Workforce").is_checked()
    assert page.get_by_label("NHS England").is_checked()
    look("preferences-changed")
    with database.read() as session:
        person = session.exec(select(Recipient).where(Recipient.address == address)).one()
        assert (person.themes, person.nations) == (["workforce"], ["wales"])
        assert (person.daily, person.watch, person.alerts) == (True, [TRUST], ["watched"])
        assert session.exec(select(Suggestion.note)).first() == "It is about a car park."
    press(page.get_by_role("button", name="Leave the list"))
    assert "You have left the list" in page.get_by_role("status").inner_text()
    context.close()
    assert [one for one in asked if not one.startswith(f"{root}/")] == []
    with database.read() as session:
        assert session.exec(select(Recipient.active).where(Recipient.address == address)).one() is False
