"""The edition in a real browser, on a phone and a desktop, light and dark: it fits, it can be read, nothing runs or leaves.

Pictures are written with `pytest --screenshots DIR tests/edition/test_digest_in_browser.py`.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.publishing import rendering
from flows.publishing.rendering import ArchiveEntry, render_index
from flows.publishing.short import view_short
from flows.publishing.view import Links
from models.edition.content import EditionContent
from models.edition.short import Kind
from tests.support import fakes_edition as fakes
from tests.support.fakes_rendering import (
    edit_content,
    render,
    render_web,
    week_content,  # noqa: F401 - a fixture
)

playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]' brings Playwright")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
if CHROMIUM is None:
    pytest.skip("no Chromium on the path: `apt-get install chromium` brings one", allow_module_level=True)

LINKS = Links(
    "https://monitor.example.org/2026-W47.html",
    "https://monitor.example.org/index.html",
    "https://monitor.example.org/unsubscribe/x",
)
PAGES = ("email", "web", "index", "edited-email", "edited-web")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TALLEST = 16_000  # pixels; Chromium draws no taller picture


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(content: EditionContent) -> dict[str, str]:
    links = replace(LINKS, web="", archive="", preferences="https://monitor.example.org/preferences/x")
    forms = {
        kind.value: rendering.render_email(
            view_short(replace(content, stories=content.stories[:count]), kind, fakes.MONDAY_7, ["speaking-up"], links)
        ).html
        for kind, count in ((Kind.DAILY, 12), (Kind.ALERT, 1))
    }
    entry = ArchiveEntry(
        "2026-W47", "Midwives at Castle Deeping give evidence; speaking up rises to 13 stories", 36, 11, 110
    )
    edited = edit_content(content)
    return {
        **forms,
        "email": render(content, LINKS).html,
        "web": render_web(content),
        "index": render_index([entry]),
        "edited-email": render(edited, LINKS).html,
        "edited-web": render_web(edited),
    }


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *((name, width, scheme) for name in PAGES for width in (320, 375, 700) for scheme in ("light", "dark")),
        *(("daily", 375, "light"), ("alert", 375, "dark"), ("alert", 1280, "light")),
    ],
)
def test_it_fits_and_can_be_read(
    browser: Any,
    pages: dict[str, str],
    name: str,
    width: int,
    scheme: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    axe = pytest.importorskip("axe_core_python.base", reason="pip install axe-core-python brings axe-core")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    try:
        page.set_content(pages[name])
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        wide = page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 120))"
        )
        folder = request.config.getoption("--screenshots") or tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        clip = {"x": 0, "y": 0, "width": width, "height": min(sizes[1], TALLEST)}
        page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True, clip=clip)
        assert sizes[0] == width
        assert wide == []
        if width != 375:  # contrast and landmarks are the same at every width, and axe takes its time
            return
        page.evaluate(axe.AXE_SCRIPT)
        found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    finally:
        page.close()
    problems = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 10


@pytest.mark.parametrize("name", ["email", "web"])
def test_nothing_runs_and_nothing_leaves(browser: Any, content: EditionContent, name: str) -> None:
    evil = "<img src=https://evil.example/p.png onerror=alert(1)><script>fetch('https://evil.example')</script>"
    stories = tuple(
        replace(story, title=evil, outlet=evil, themes=tuple(replace(theme, quote=evil) for theme in story.themes))
        for story in content.stories
    )
    hostile = replace(content, stories=stories)
    html = render(hostile, LINKS).html if name == "email" else render_web(hostile)
    page = browser.new_page()
    events: list[str] = []
    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", lambda dialog: events.append("dialog"))
    page.on("console", lambda message: events.append(message.text))
    try:
        page.set_content(html)
        page.wait_for_timeout(200)
        assert page.evaluate("document.scripts.length + document.images.length") == 0
    finally:
        page.close()
    assert events == []


@pytest.mark.parametrize(("stories", "highest"), [(8, 3000), (40, 12_000)])
def test_a_phone_shows_it_without_endless_scrolling(
    browser: Any, content: EditionContent, stories: int, highest: int
) -> None:
    told = [replace(one, id=number) for number, one in enumerate((*content.stories, *content.stories)[:stories], 1)]
    week = replace(content, stories=tuple(told))
    pages = {"email": render(week, LINKS).html, "web": render_web(week)}
    page = browser.new_page(viewport={"width": 375, "height": 900})
    try:
        for name, html in pages.items():
            page.set_content(html)
            assert page.evaluate("getComputedStyle(document.body).fontSize") == "16px"
            assert page.locator("h3").count() == stories
            height = page.evaluate("document.documentElement.scrollHeight")
            assert height < highest, f"{name}: {height} px"
    finally:
        page.close()


def test_headings_look_as_weighty_as_their_levels(browser: Any, pages: dict[str, str]) -> None:
    for name in ("email", "web", "edited-email", "edited-web", "daily"):
        for width in (375, 700):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.set_content(pages[name])
            sizes = [
                page.evaluate(
                    "level => [...document.querySelectorAll(level)].map(e => parseFloat(getComputedStyle(e).fontSize))",
                    level,
                )
                for level in ("h1", "h2", "h3")
            ]
            page.close()
            assert min(sizes[0]) > max(sizes[1]), f"{name} at {width} px"
            assert min(sizes[1]) > max(sizes[2]), f"{name} at {width} px"


def test_the_dark_colours_are_dark(browser: Any, pages: dict[str, str]) -> None:
    for name in PAGES:
        shades = {}
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme)
            page.set_content(pages[name])
            shades[scheme] = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
            page.close()
        assert shades["light"] != shades["dark"], name
