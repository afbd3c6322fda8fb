"""The forms of an edition: word for word as agreed, safe with any text, and always small enough."""

import html
import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest

from flows.publishing import view
from flows.publishing.layout import view_edition
from flows.publishing.rendering import LARGEST_HTML, WIDTH, ArchiveEntry, render_index, render_text
from flows.publishing.view import Links
from models.edition import news, trend_words
from models.edition.choosing import for_recipient
from models.edition.content import Copy, EditionContent, OrganisationNote, Selection
from models.trends import Trend, Verdict
from tests.support.fakes_rendering import (
    LINKS,
    render,
    render_artifact,
    render_web,
    week_content,  # noqa: F401 - a fixture
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def busiest(content: EditionContent) -> EditionContent:
    """Two thousand stories and three hundred sources that failed."""
    stories = tuple(
        replace(story, id=number, rank=2000.0 - number, title=f"{story.title} ({number})")
        for number, story in enumerate(content.stories * 56)
    )[:2000]
    gaps = tuple(replace(content.gaps[0], name=f"Source {number}") for number in range(300))
    return replace(content, stories=stories, gaps=gaps)


@pytest.fixture(scope="module")
def weeks(content: EditionContent, busiest: EditionContent) -> dict[str, EditionContent]:
    """A quiet week with two stories, an ordinary one, the busiest; and the ordinary one for somebody who watches."""
    quiet = tuple(Trend(t.theme, (*t.counts[:-1], 0), (0, 2), 0, Verdict.USUAL) for t in content.trends)
    chosen = Selection(themes=("workforce",), watch=(OrganisationNote("ashcombe", "Ashcombe"),))
    watching = for_recipient(content, chosen)
    assert watching is not None
    return {
        "quiet": replace(content, stories=content.stories[-2:], trends=quiet, gaps=()),
        "ordinary": content,
        "busiest": busiest,
        "watching": watching,
    }


@pytest.mark.parametrize(
    "name",
    [
        "ordinary.html", "ordinary.txt", "ordinary.md", "ordinary.web.html", "quiet.html", "quiet.txt",
        "busiest.html", "busiest.txt", "watching.txt",
    ],
)  # fmt: skip
def test_the_edition_is_word_for_word_as_agreed(
    name: str, weeks: dict[str, EditionContent], request: pytest.FixtureRequest
) -> None:
    """A change is looked at and then accepted with `pytest --accept-golden`."""
    week, _, form = name.partition(".")
    content = weeks[week]
    made = {
        "html": lambda: render(content, LINKS).html,
        "txt": lambda: render(content, LINKS).text,
        "md": lambda: render_artifact(content),
        "web.html": lambda: render_web(content),
    }[form]()
    file = GOLDEN / name
    if request.config.getoption("--accept-golden"):
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8")


def test_the_parts_stand_in_their_order(content: EditionContent) -> None:
    rendered = render(content, LINKS)
    headings = [text.strip() for text in re.findall(r"<h[12][^>]*>(.*?)(?: <span.*?)?</h[12]>", rendered.html, re.S)]
    assert headings == [
        "Week 47: 16 to 22 November 2026",
        "In brief",
        *headings[2:-4],
        "Other themes",
        "Who is in the news",
        "What we could not see",
        "How this was made",
    ]
    assert len(headings) == 6 + len({story.primary for story in content.stories})
    positions = [rendered.text.index(heading.upper()) for heading in headings[1:]]
    assert positions == sorted(positions)


def test_the_two_forms_say_the_same(content: EditionContent) -> None:
    rendered = render(content, LINKS)
    plain = " ".join(rendered.text.split())
    for story in content.stories:
        assert html.escape(story.title) in rendered.html
        assert story.title in plain
        assert story.url in rendered.text
    page = html.unescape(re.sub(r"<[^>]+>", "", rendered.html))
    for line in (news.say_numbers(content), *trend_words.say_changes(content)):
        assert line in plain
        assert line in page


STORY_TEMPLATES = {"email": "story.html", "web": "story.html", "text": "story.txt", "artifact": "story.md"}
WHAT_A_STORY_SHOWS = {"title", "url", "who", "meta", "quote", "credit", "themes", "copies"}


@pytest.mark.parametrize("form", STORY_TEMPLATES)
def test_each_form_shows_all_of_a_story_by_one_template(form: str) -> None:
    """What is added to a story in one form, and forgotten in another, is found here."""
    folder = Path(view.__file__).parent / "templates"
    used = {
        file.relative_to(folder).as_posix(): set(
            re.findall(r"(?<![/\w])story\.([a-z_]+)", file.read_text(encoding="utf-8"))
        )
        for file in (folder / form).iterdir()
    }
    shown = used.pop(f"{form}/{STORY_TEMPLATES[form]}")
    assert shown >= WHAT_A_STORY_SHOWS
    assert shown <= {field.name for field in fields(view.StoryView)}
    assert set().union(*used.values()) <= {
        "id",
        "title",
        "number",
        "url",
    }  # elsewhere a story is only named and pointed to


def test_headings_step_down_one_at_a_time(content: EditionContent) -> None:
    for page in (render(content, LINKS).html, render_web(content)):
        levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
        assert levels.count(1) == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))


def test_layout_tables_say_that_they_are_layout(content: EditionContent) -> None:
    page = render(content, LINKS).html
    tables = re.findall(r"<table[^>]*>", page)
    assert len(tables) > 10
    assert all('role="presentation"' in table for table in tables)
    assert '<html lang="en-GB"' in page


def test_the_charts_of_what_is_unusual_have_their_numbers_in_words(content: EditionContent) -> None:
    page = render(content, LINKS).html
    unusual = [trend for trend in content.trends if trend_words.is_news(trend)]
    assert len(unusual) == page.count('role="img"') == 4
    for trend in unusual:
        assert f'aria-label="{trend_words.describe_chart(trend, content.as_week())}"' in page
    assert render_web(content).count('<ol class="chart">') == 15


def test_nothing_is_loaded_from_anywhere(content: EditionContent) -> None:
    for page in (render(content, LINKS).html, render_web(content), render_index([])):
        assert not re.search(
            r"<(img|script|link|iframe|object|embed|form|video|audio|source|base)\b|url\(|@import", page
        )


def test_the_plain_text_keeps_its_width(content: EditionContent) -> None:
    for line in render_text(view_edition(content, LINKS)).splitlines():
        assert len(line) <= WIDTH or line.strip().startswith("https://")
        assert line == line.rstrip()


def test_the_busiest_week_is_under_the_limit_and_points_to_the_rest(busiest: EditionContent) -> None:
    rendered = render(busiest, LINKS)
    assert len(rendered.html.encode()) <= LARGEST_HTML
    assert len(rendered.text.encode()) < 100_000
    more = [int(count) for count in re.findall(r">and ([\d,]+) more in the web edition</a>", rendered.html)]
    assert len(more) > 5
    page = render_web(busiest)
    assert page.count("<article") == 2000
    for anchor in re.findall(r'href="https://monitor.example.org/2026-W47.html#([a-z-]+)"', rendered.html):
        assert f'id="{anchor}"' in page


def test_long_titles_and_hundreds_of_copies_stay_under_the_limit(content: EditionContent) -> None:
    copies = tuple(Copy(f"Outlet {number}", f"https://example.org/{'a' * 300}/{number}") for number in range(300))
    heavy = replace(content, stories=tuple(replace(s, title="W" * 200, copies=copies) for s in content.stories))
    assert len(render(heavy, LINKS).html.encode()) <= LARGEST_HTML


def test_an_empty_week_says_so(content: EditionContent) -> None:
    empty = replace(content, stories=(), gaps=())
    rendered = render(empty, LINKS)
    assert rendered.html.count("Nothing this week on: Bullying and discrimination; ") == 1
    assert "Every source was seen." in rendered.html
    assert "Every source answered" in rendered.text
    assert "<h3" not in rendered.html


def test_a_week_that_is_not_over_says_so_everywhere(content: EditionContent) -> None:
    running = replace(content, complete=False)
    rendered = render(running, LINKS)
    for form in (rendered.subject, rendered.html, rendered.text, render_web(running)):
        assert "so far" in form


def test_a_narrowed_edition_says_what_was_chosen(content: EditionContent) -> None:
    chosen = for_recipient(content, Selection(themes=("speaking-up", "appraisal"), nations=("scotland",)))
    assert chosen is not None
    rendered = render(chosen, LINKS)
    assert "Your choice: Speaking up, Appraisal; Scotland." in rendered.html
    assert "Over all nations and sectors: " in rendered.html
    assert "Bullying and discrimination</h2>" not in rendered.html


def test_without_a_public_address_nothing_points_to_one(content: EditionContent) -> None:
    rendered = render(content, Links(unsubscribe="mailto:monitor@example.org?subject=unsubscribe%20token"))
    assert "on the web" not in rendered.html
    assert 'href=""' not in rendered.html
    assert "mailto:monitor@example.org" in rendered.text


def test_the_index_lists_all_editions_newest_first() -> None:
    page = render_index([ArchiveEntry("2025-W52", "Old <news>", 3, 2, 90), ArchiveEntry("2026-W47", "New", 9, 6, 200)])
    assert page.index("2026-W47.html") < page.index("2025-W52.html")
    assert "Old &lt;news&gt;" in page
