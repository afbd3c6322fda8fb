"""No text of a story, however hostile, becomes markup, a header or a formula in any form of an edition."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.publishing.rendering import LARGEST_HTML
from models.edition.compose import compose
from models.edition.content import Copy, EditionContent
from models.store.database import open_database
from models.store.editions import gather_week
from tests.support import fakes_edition as fakes
from tests.support.fakes_rendering import (
    LINKS,
    message_of,
    render,
    render_web,
    week_content,  # noqa: F401 - a fixture
)

HOSTILE = (
    '<script>alert("x")</script>',
    "</title></style><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "</mj-text></mj-body>&lt;b&gt;",
    "line\r\nBcc: victim@example.org",
    "\u202egnp.exe\u2066\x00\x1b[31m",
    '=HYPERLINK("http://evil.example")',
    "\ud800 lone",
    "x" * 1_000_000,
    "” onclick=“y",
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))


def _tags(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.found


def _with_text(content: EditionContent, text: str) -> EditionContent:
    story = content.stories[0]
    hostile = replace(
        story,
        title=text,
        outlet=text,
        copies=(Copy(text, "https://example.org/x"),),
        themes=tuple(replace(theme, quote=text) for theme in story.themes),
        credit=text,
    )
    gap = replace(content.gaps[0], name=text, reason=text)
    return replace(content, stories=(hostile,), gaps=(gap,), model=replace(content.model, version=text, quality=text))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_changes_the_page_it_stands_in(content: EditionContent, text: str) -> None:
    calm, hostile = _with_text(content, "calm"), _with_text(content, f"x{text}")
    for form in (lambda one: render(one, LINKS).html, render_web):
        assert _tags(form(hostile)) == _tags(form(calm))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_news_is_only_text(text: str, tmp_path: Path) -> None:
    source = fakes.SOURCES[0].model_copy(update={"name": text[:50] or "x"})
    registry = fakes.REGISTRY.model_copy(update={"sources": (source,)})
    storable = text.encode("utf-8", "replace").decode()  # no database takes half a character
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database:
        with database.write() as session:
            fakes.add_story(
                session,
                source=source,
                title=storable,
                at=fakes.WEEK.start,
                themes=[("workforce", storable, 0.9)],
                outlet=storable,
                url="javascript:alert(1)",
            )
        with database.read() as session:
            facts = gather_week(fakes.WEEK, session=session)
    content = compose(facts, registry, fakes.THEMES, fakes.MONDAY_7)
    rendered = render(content, LINKS)
    calm = {
        "html",
        "head",
        "body",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "a",
        "ul",
        "li",
        "table",
        "tbody",
        "tr",
        "td",
        "span",
        "b",
        "br",
    }
    assert {tag for tag, _ in _tags(rendered.html)} <= calm | {"meta", "title", "style", "blockquote"}
    assert "onerror=alert" not in re.sub(r"&[a-z]+;.*?&[a-z]+;", "", rendered.html)
    assert "javascript:" not in rendered.html
    assert len(rendered.html) < LARGEST_HTML
    message = message_of(rendered, to_name=text)
    assert "Bcc" not in message
    assert not re.search(rb"^Bcc:", message.as_bytes().partition(b"\r\n\r\n")[0], re.M)
