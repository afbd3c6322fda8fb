"""An edited edition in every form: the note and the editor's words are safe, and are never shown as quotations."""

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from flows.publishing.notes import note_as_html, note_as_markdown, note_as_text
from models.edition.choosing import for_recipient
from models.edition.content import EditionContent, Selection, content_from_json
from models.edition.news import write_subject
from models.edition.wording import explain_empty
from tests.support.fakes_rendering import (
    edit_content,
    render,
    render_artifact,
    render_web,
    week_content,  # noqa: F401 - a fixture
)


@pytest.fixture(name="edited", scope="module")
def edited_content(content: EditionContent) -> EditionContent:
    return edit_content(content)


def forms(content: EditionContent) -> dict[str, str]:
    """What a reader sees of each, on one line."""
    email = render(content)
    found = {"email": email.html, "web": render_web(content), "text": email.text, "artifact": render_artifact(content)}
    for name in ("email", "web"):
        found[name] = unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", found[name], flags=re.DOTALL))
    found["artifact"] = unescape(found["artifact"].replace("\\", ""))
    return {name: " ".join(text.split()).replace(" ,", ",") for name, text in found.items()}


def test_every_form_has_the_note_the_words_and_who_edited(edited: EditionContent) -> None:
    for name, text in forms(edited).items():
        assert "ditor’s note" in text or "EDITOR’S NOTE" in text, name
        assert "edited by Zoë Editor and Ada: a note, the choice of the lead story, 1 story left out" in text, name
        assert "Editor’s words (Ada): Why this comes first, in my words." in text, name
        assert "What leaders owe the people they lead" in text, name
        assert "added by the editor" in text, name
        assert "“Why this comes first" not in text, name
        assert "no person chose or checked these stories" not in text, name


def test_one_that_nobody_edited_says_so(content: EditionContent) -> None:
    for name, text in forms(content).items():
        assert "edited by" not in text, name
        assert "ditor’s note" not in text, name
        assert "no person chose or checked these stories" in text, name


def test_nothing_of_a_note_is_html_and_links_lead_to_the_web(edited: EditionContent) -> None:
    evil = '[a](https://x.example/"onclick=alert) <img src=x> <https://y.example> [b](data:text/html,x) ![c](http://z.example)'
    made = str(note_as_html(evil))
    assert re.findall(r"<(\w+)", made) == ["p", "a", "a", "a"]
    assert re.findall(r'href="([^"]*)"', made) == [
        "https://x.example/%22onclick=alert",
        "https://y.example",
        "http://z.example",
    ]
    assert "<img" not in note_as_markdown(evil)
    assert "(data:" not in note_as_markdown(evil).replace("\\(data", "")
    assert note_as_text("**Bold** and [a link](https://x.example/a)", 72) == "Bold and a link:\nhttps://x.example/a"
    assert "<b>" not in render_web(edited).replace("<b>Editor", "").split('id="brief"')[0]


@pytest.mark.parametrize(
    ("note", "html", "text"),
    [
        ("A\n\n" + "- " * 30 + "B\n\nC", "B</li>", "B"),
        ("A\n\n" + "- " * 30 + "\nC", "<p>A</p><p>C</p>", "A\n\nC"),
        ("A\n\n* * *\n\nC", "<p>A</p><p>C</p>", "A\n\nC"),
        ("[two\nwords](https://x.example/a) C", "two<br>words</a> C", "two words:\nhttps://x.example/a\nC"),
        ("[our page]() C", "<p>our page C</p>", "our page C"),
        (
            "[see <https://z.example/> here](https://x.example/a) C",
            '<a href="https://x.example/a" rel="noreferrer">see https://z.example/ here</a> C',
            "see https://z.example/ here:\nhttps://x.example/a\nC",
        ),
        (
            "[nhs](https://nhs.uk@x.example/) C",
            "[nhs](https://nhs.uk@x.example/) C",
            "[nhs](https://nhs.uk@x.example/) C",
        ),
    ],
    ids=[
        "nested deep",
        "a rule of many marks",
        "a rule",
        "a link over two lines",
        "no address",
        "a link in a link",
        "a user",
    ],
)
def test_no_word_of_a_note_is_lost(note: str, html: str, text: str) -> None:
    assert html in str(note_as_html(note))
    assert text in note_as_text(note, 200)
    for form in (note_as_html(note), note_as_text(note, 200), note_as_markdown(note)):
        assert "C" in str(form)


@pytest.mark.parametrize("under", ["===", "=", "--", "-", "*-*", "\\\\===", "1990. a"])
def test_what_stands_under_a_line_of_a_note_makes_no_heading_and_no_list(edited: EditionContent, under: str) -> None:
    plain = replace(edited, editing=replace(edited.editing, note="Above\nit"))
    noted = replace(edited, editing=replace(edited.editing, note=f"Above\n{under}"))
    made, expected = (MarkdownIt().parse(render_artifact(one)) for one in (noted, plain))
    assert [token.type for token in made if token.level == 0] == [token.type for token in expected if token.level == 0]


def test_the_story_that_leads_gives_the_subject_and_stands_first(
    content: EditionContent, edited: EditionContent
) -> None:
    lead = edited.stories[0]
    assert lead.id == edited.editing.lead != content.stories[0].id
    assert write_subject(edited).startswith(lead.title[:28])
    theme = next(one.primary for one in edited.stories if one.primary != lead.primary)
    narrowed = for_recipient(edited, Selection(themes=(theme,)))
    assert narrowed is not None
    assert lead.id not in {story.id for story in narrowed.stories} or theme in {one.theme for one in lead.themes}
    assert write_subject(narrowed)


def test_what_was_left_out_still_counts_in_the_trends(content: EditionContent, edited: EditionContent) -> None:
    out = next(one for one in content.stories if one.id in edited.editing.withheld[0].articles)
    trend = next(one for one in content.trends if one.theme == out.primary)
    assert f"{trend.now - 1} of {trend.now} stories" in forms(edited)["web"]


def test_a_theme_whose_stories_were_left_out_is_not_called_empty(edited: EditionContent) -> None:
    theme = next(one for one in edited.themes if edited.stories_on(one.id))
    others = tuple(one for one in edited.stories if theme.id not in {tag.theme for tag in one.themes})
    without = replace(edited, stories=others)
    assert theme.name not in explain_empty(without)
    assert theme.name in explain_empty(replace(without, editing=replace(edited.editing, withheld=())))


def test_a_week_without_stories_says_so_in_its_subject_with_a_note_too(edited: EditionContent) -> None:
    quiet = replace(edited, stories=(), editing=replace(edited.editing, lead=0, withheld=()))
    assert write_subject(quiet).startswith("No stories in week 47 on")
    assert "edited by Zoë Editor and Ada: a note. Editor’s words are" in forms(quiet)["web"]


def test_it_is_kept_as_it_is(edited: EditionContent) -> None:
    assert content_from_json(edited.to_json()) == edited
