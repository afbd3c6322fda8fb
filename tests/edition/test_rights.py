"""No form of the edition shows more of an article than its source's rights class allows."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.edition import wording
from models.edition.compose import compose
from models.edition.content import EditionContent
from models.rights import Rights, credit, load_rights, quotation
from models.store.database import open_database
from models.store.editions import gather_week
from tests.support import fakes_edition as fakes
from tests.support.fakes_rendering import render, render_artifact, render_web

RIGHTS = load_rights()
# Words that nothing else in an edition holds, so that each one shown can be counted.
LONG = " ".join(f"q{number}" for number in range(900))


@given(st.text(max_size=400), st.integers(0, 60))
def test_a_quotation_is_never_longer_than_its_class_allows(sentence: str, words: int) -> None:
    rights = RIGHTS["headline"].model_copy(update={"quotation_words": words})
    shown = quotation(sentence, rights)
    kept = [word for word in shown.text.split() if word != "…"]
    assert len(kept) <= words
    assert shown.cut == (len(sentence.split()) > words)
    assert " ".join(kept).rstrip("…") in " ".join(sentence.split())


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> EditionContent:
    """One story of every rights class, each with a sentence of 900 words for four themes."""
    sources = tuple(
        fakes.SOURCES[0].model_copy(update={"id": f"of-{name}", "name": f"The {name.title()} Paper", "rights": name})
        for name in RIGHTS
    )
    registry = fakes.REGISTRY.model_copy(update={"sources": sources})
    folder: Path = tmp_path_factory.mktemp("rights")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        with database.write() as session:
            for source in sources:
                fakes.add_story(
                    session,
                    source=source,
                    title=f"Headline of {source.id}",
                    at=fakes.WEEK.start,
                    themes=[(theme.id, f"Words {source.id} {LONG}", 0.9) for theme in fakes.THEMES[:4]],
                    copies=[other for other in sources if other is not source][:2],
                )
        with database.read() as session:
            facts = gather_week(fakes.WEEK, session=session)
    return compose(facts, registry, fakes.THEMES, fakes.MONDAY_7)


@pytest.mark.parametrize("form", ["html", "text", "web", "artifact"])
def test_no_rendered_edition_exceeds_a_class(content: EditionContent, form: str) -> None:
    rendered = render(content)
    shown = {
        "html": rendered.html,
        "text": rendered.text,
        "web": render_web(content),
        "artifact": re.sub(r"\\(.)", r"\1", render_artifact(content)),  # as a reader sees it
    }[form]
    assert len(content.stories) == len(RIGHTS)
    for name, rights in RIGHTS.items():
        quoted = re.findall(rf"“Words of-{name} ([^”]*)”", shown)
        words = [len(re.findall(r"\bq\d+", one)) + 2 for one in quoted]
        assert sum(words) <= rights.quotation_words, name
        if rights.quotation_words <= 100:  # a longer quotation ends where sentences are cut
            assert sum(words) == rights.quotation_words, name  # one sentence, once, and all that is allowed of it


def test_nothing_is_quoted_where_nothing_may_be(content: EditionContent) -> None:
    story = next(story for story in content.stories if story.source == "of-discovery")
    assert wording.quote_story(story) == ""
    assert "of-discovery q" not in render(content).html


def test_the_kept_edition_holds_no_more_than_what_may_be_shown(content: EditionContent) -> None:
    for story in content.stories:
        allowed = RIGHTS[story.source.removeprefix("of-")].quotation_words
        assert all(len(theme.quote.removesuffix(" …").split()) <= allowed for theme in story.themes)


def test_the_credit_line_stands_beside_the_quotation_or_at_the_end(content: EditionContent) -> None:
    rendered = render(content)
    for form in (rendered.html, " ".join(rendered.text.split()), render_artifact(content)):
        assert (
            form.count("Courtesy of Guardian News &amp; Media Ltd")
            + form.count("Courtesy of Guardian News & Media Ltd")
            == 1
        )
        assert (
            form.count("The Ogl Paper. Contains public sector information licensed under the Open Government Licence")
            == 1
        )


def test_a_credit_is_owed_only_where_something_is_quoted(content: EditionContent) -> None:
    guardian = next(story for story in content.stories if story.source == "of-guardian")
    silent = replace(guardian, themes=tuple(replace(theme, quote="") for theme in guardian.themes))
    assert wording.credit_story(guardian)
    assert wording.credit_story(silent) == ""


def test_a_source_that_left_the_registry_falls_to_the_default_class() -> None:
    assert fakes.REGISTRY.rights_of("gone") == RIGHTS["headline"]


def test_the_credit_names_the_source() -> None:
    rights = Rights.model_validate(RIGHTS["ogl"].model_dump() | {"credit": "{name}, with thanks"})
    assert credit(rights, "The {Odd} Office") == "The {Odd} Office, with thanks"
