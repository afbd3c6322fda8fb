"""Links, tokens and pages made from hostile text: only http(s) is linked, nothing runs, nothing leaves."""

import shutil
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from flows.publishing import exporting
from models.edition.compose import compose
from models.store import recipients, tagging
from models.store.database import Database
from models.store.editions import gather_week
from models.store.tables import Article
from models.tagging.decisions import State, Tagging, ThemeTag
from models.text_safety import plain_line
from tests.edition.test_hostile_text import LINKS, NASTY, NOW, REGISTRY, THEMES, Story, check_page, store
from tests.support.fakes_edition import MONDAY_7, WEEK
from tests.support.fakes_rendering import render, render_artifact, render_web
from tests.support.fakes_store import add_lead


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//s.example/x", "https://s.example/ \n", "ftp://s.example/", ""]
)
def test_only_web_addresses_become_links(sqlite: Database, url: str) -> None:
    with sqlite.write() as session:
        article = Article(
            url=url, source="s", title="A headline", first_seen_at=NOW, text_status="full", outcome="new", words=0
        )
        number = add_lead(article, session=session)
        tags = (ThemeTag("workforce", 0.9, State.YES, "Evidence.", ()),)
        tagging.store_taggings([(number, Tagging(0.9, State.YES, tags, "m"))], session=session)
        facts = gather_week(WEEK, session=session)
    content = compose(facts, REGISTRY, THEMES, MONDAY_7)
    assert [story.url for story in content.stories] == [""]
    check_page(render(content, LINKS).html)
    check_page(render_web(content))
    assert url == "" or url not in render_artifact(content)


def test_an_unsubscribe_token_is_compared_whatever_it_holds(sqlite: Database) -> None:
    with sqlite.write() as session:
        recipients.add("reader@r.example", NOW, session=session)
        for token in ("", "\0", "\ud800", "é", "' OR 1=1 --", "x" * 100_000):
            assert recipients.by_token(token, session=session) is None


CHROMIUM = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path: `apt-get install chromium` brings one")
def test_in_a_browser_no_script_runs_and_no_request_leaves(sqlite: Database) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]' brings Playwright")
    everything = " ".join(text for text in NASTY if len(text) < 1000)
    content = store(sqlite, Story(everything, everything, everything, everything))
    stories = tuple(
        replace(content.stories[0], id=place, title=text or "x", outlet=text, credit=text)
        for place, text in enumerate(map(plain_line, NASTY))
    )
    hostile = replace(content, stories=stories)
    rss = exporting.write_rss([exporting.Story("2026-W47", story) for story in stories], THEMES, base_url="", now=NOW)
    described = "".join(item.findtext("description", "") for item in ET.fromstring(rss).iter("item"))
    seen: list[Any] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for html in (render(hostile, LINKS).html, render_web(hostile), f"<!doctype html><body>{described}"):
            page = browser.new_page()
            for kind in ("request", "dialog", "console", "pageerror", "popup"):
                page.on(kind, lambda one, kind=kind: seen.append((kind, str(one))))
            page.set_content(html)
            page.wait_for_timeout(150)
            found = page.evaluate(
                "[document.scripts.length, document.images.length, document.forms.length, document.links.length]"
            )
            schemes = page.evaluate("[...document.links].map(link => link.protocol)")
            page.close()
            assert found[:3] == [0, 0, 0]
            assert set(schemes) <= {"http:", "https:", "mailto:", "about:", ":"}  # ":": a name on the same site
        browser.close()
    assert seen == []
