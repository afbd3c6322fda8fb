"""The news in few words: subject, preheader, brief, numbers that agree everywhere, whom stories are about, true quotations."""

import logging
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.publishing import layout
from flows.publishing.layout import view_edition
from models.edition import news, trend_words, wording
from models.edition.choosing import for_recipient
from models.edition.content import EditionContent, OrganisationNote, Selection
from models.store.database import Database
from models.store.tables import Article, RecognisedArticle
from models.trends import Trend, Verdict
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import BOARD, CARE, HARBOUR, WEEK, add, edition, mention, name_places, titles
from tests.support.fakes_rendering import render, render_web, week_content  # noqa: F401 - a fixture

RISING = Trend("speaking-up", (1,) * 11 + (7,), (0, 2), 5, Verdict.RISING, 0.001)


def with_titles(content: EditionContent, *given: str, rising: bool = False) -> EditionContent:
    stories = tuple(replace(story, title=title) for story, title in zip(content.stories, given, strict=False))
    return replace(content, stories=stories, trends=(RISING,) if rising else ())


@pytest.mark.parametrize(
    ("title", "rising", "subject"),
    [
        (
            "Exclusive: Foundation trust chair quits over whistleblower’s email", True,
            "Foundation trust chair quits over whistleblower’s email",
        ),
        ("Chair of Vale trust quits", True, "Chair of Vale trust quits (Castle Deeping); speaking up rises to 7 stories"),
        ("Chair quits at Castle Deeping", True, "Chair quits at Castle Deeping; speaking up rises to 7 stories"),
        (
            "Staff at Vale hospital were ‘isolated’ for years, independent review of the whole trust finds", True,
            "Staff at Vale hospital were ‘isolated’ for years (Castle Deeping)",
        ),
        ("Chair of Vale trust quits", False, "Chair of Vale trust quits (Castle Deeping); 1 story from 2 outlets"),
        (
            "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen", False,
            "One two three four five six seven eight nine ten eleven twelve thirteen fourteen …",
        ),
    ],
)  # fmt: skip
def test_the_subject_is_the_news_cut_at_a_clause(
    content: EditionContent, title: str, rising: bool, subject: str
) -> None:
    made = news.write_subject(with_titles(content, title, rising=rising))
    assert made.startswith(subject)
    assert news.SHORTEST <= len(made) <= news.LONGEST


def test_every_subject_has_its_length_and_starts_with_its_news(content: EditionContent) -> None:
    for story in content.stories:
        for complete in (True, False):
            made = news.write_subject(replace(content, stories=(story,), complete=complete))
            assert news.SHORTEST <= len(made) <= news.LONGEST
            assert made[:28] == story.title[:28]
            assert ("so far" in made) is not complete


def test_a_week_without_stories_has_a_subject_that_says_so(content: EditionContent) -> None:
    empty = replace(content, stories=())
    assert news.write_subject(empty) == (
        "No stories in week 47 on how the NHS and social care are led; 110 articles were read"
    )
    assert news.write_subject(replace(empty, complete=False)).startswith("No stories so far in week 47 on how")
    mine = replace(empty, selection=Selection(themes=("appraisal",)))
    assert news.write_subject(mine).startswith("No stories for your choice in week 47")


def test_the_preheader_is_the_next_two_headlines(content: EditionContent) -> None:
    told = with_titles(content, "First", "Exclusive: second", "Third", "Fourth")
    assert news.write_preheader(told) == "Second · Third"
    assert news.write_preheader(with_titles(content, "First")).startswith("16 to 22 November 2026. 1 story from ")


def test_the_brief_names_who_and_what_and_leads_to_the_story(content: EditionContent) -> None:
    who = OrganisationNote("vale", "Vale NHS Trust")
    first, second, *_ = content.stories
    told = replace(
        content,
        stories=(
            replace(first, title="Chair quits", organisations=(who,)),
            replace(second, title="Vale NHS Trust says sorry", organisations=(who,)),
        ),
    )
    lines = view_edition(told).news
    assert [(line.who, line.link.title) for line in lines] == [
        ("Vale NHS Trust", "Chair quits"), ("", "Vale NHS Trust says sorry"),
    ]  # fmt: skip
    for page in (render(told).html, render_web(told)):
        for line in lines:
            assert f'href="#story-{line.link.id}"' in page
            assert page.count(f'id="story-{line.link.id}"') == 1
    assert 1 <= len(view_edition(content).news) <= 5


@pytest.mark.parametrize(
    ("trend", "words"),
    [
        (replace(RISING, verdict=Verdict.USUAL, outlets=1), "all from one outlet, so not called a rise"),
        (replace(RISING, verdict=Verdict.USUAL), "chance could explain it, source by source, so not called a rise"),
        (replace(RISING, verdict=Verdict.USUAL, counts=(0,) * 11 + (3,)), "what is unusual is too little to tell from chance"),
        (replace(RISING, verdict=Verdict.USUAL, counts=(0,) * 11 + (2,)), "No theme has more or fewer stories than usual."),
        (
            replace(RISING, verdict=Verdict.QUIET, usual=(3, 5), counts=(4,) * 11 + (0,)),
            "Themes that went quiet against the 11 weeks before: Speaking up (no stories, usually 3 to 5 a week).",
        ),
        (RISING, "Themes that rise against the 11 weeks before: Speaking up (7 stories from 5 outlets, usually 0 to 2 a week)."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_change_agrees_with_the_numbers_beside_it(
    content: EditionContent, trend: Trend, words: str
) -> None:
    said = " ".join(trend_words.say_changes(replace(content, trends=(trend,))))
    assert words in said


def test_one_number_for_a_theme_everywhere(sqlite: Database) -> None:
    fakes.fill(sqlite)
    with sqlite.write() as session:  # two that the week's sums and its edition could count differently
        add(
            session,
            "Late themes of a copy",
            at=WEEK.end - timedelta(hours=1),
            copies=[CARE],
            themes=[("appraisal", "", 0.9)],
        )
        add(session, "Not ours", scope="no")
    content = edition(sqlite)
    made = view_edition(content)
    counted = {section.anchor: section.count for section in (*made.sections, *made.elsewhere)}
    page, text = render_web(content), " ".join(render(content).text.split())
    for trend in content.trends:
        assert trend.now == counted.get(trend.theme, 0) == len(content.stories_on(trend.theme))
        if trend.theme in {section.anchor for section in made.sections}:
            assert re.search(rf'href="#{trend.theme}">[^<]+</a> <span class="soft">{trend.now}</span>', page)
    assert f"{len(content.stories)} stories from {content.outlets} outlets, out of" in text


def test_stories_name_whom_they_are_about_and_the_news_has_who_is_new(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ORGANISATIONS", 50)
    fakes.fill(sqlite)
    name_places(sqlite)
    with sqlite.write() as session:
        one = add(session, "Board asked to go", copies=[HARBOUR]).id or 0
        two = add(session, "Ministers meet", source=BOARD).id or 0
        session.add_all(RecognisedArticle(article_id=number, vocabulary="v", attempts=1) for number in (one, two))
        mention(session, one, "new-trust", count=2, place="text")
        mention(session, two, "new-trust", place="summary")
        mention(session, two, "passing", place="text")  # named once, in passing
    content = edition(sqlite)
    told = {story.title: [one.id for one in story.organisations] for story in content.stories}
    assert told["Board asked to go"] == told["Ministers meet"] == ["new-trust"]
    assert "new-trust" in content.first_named
    named = {one.name: one.words for one in view_edition(content).organisations}
    assert named["new-trust"] == "2 stories, first mention in 10 weeks"
    assert all("stories" in words or "first mention" in words for words in named.values())


def test_nobody_is_called_new_before_every_week_was_looked_at(sqlite: Database) -> None:
    fakes.fill(sqlite)
    with sqlite.write() as session:
        mention(session, add(session, "Board asked to go").id or 0, "new-trust", place="title")
    content = edition(sqlite)
    assert (content.first_named, content.weeks_named) == ((), 0)


def test_what_is_watched_comes_first_whatever_else_was_chosen(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, "Most important", themes=[("workforce", "x", 0.99), ("appraisal", "y", 0.99)])
        watched = add(session, "About the trust", themes=[("patient-care", "z", 0.5)])
        mention(session, watched.id or 0, "vale", place="title")
        add(session, "Not chosen", themes=[("patient-care", "z", 0.9)])
    chosen = Selection(themes=("workforce",), watch=(OrganisationNote("vale", "Vale"), OrganisationNote("x", "Xavier")))
    mine = for_recipient(edition(sqlite), chosen)
    assert mine is not None
    assert titles(mine) == ["About the trust", "Most important"]
    assert news.write_subject(mine).startswith("About the trust (vale); ")
    rendered = render(mine)
    for form in (
        rendered.html,
        rendered.text.replace("WHAT YOU WATCH", "What you watch").replace("IN BRIEF", "In brief"),
    ):
        assert form.index("What you watch") < form.index("In brief") < form.rindex("Most important")
    assert rendered.html.count(">About the trust</a></h3>") == 1
    assert "No story this week on: Xavier." in rendered.text
    assert "You watch Vale, Xavier." in " ".join(rendered.text.split())


def test_a_sentence_that_is_not_what_was_stored_is_left_out_and_counted(sqlite: Database) -> None:
    with sqlite.write() as session:
        for title, said in (
            ("True", "People leave because nobody listens."),
            ("False", "People leave because they hate it."),
        ):
            article = add(session, title, themes=[("workforce", said, 0.9)])
            article.text = "The report is out.\nPeople leave\nbecause nobody listens. It is long."
            session.add(article)
        add(session, "Purged", themes=[("workforce", "Its text is gone.", 0.9)])
    content = edition(sqlite)
    quotes = {story.title: story.themes[0].quote for story in content.stories}
    assert quotes == {"True": "People leave because nobody listens.", "False": "", "Purged": "Its text is gone."}
    with sqlite.read() as session:
        (wrong,) = content.misquoted
        assert session.get_one(Article, wrong).title == "False"
    for form in (render(content).text, render_web(content), render(content).html):
        words = " ".join(form.split())
        assert "hate it" not in words
        assert "1 that did not match was left out" in words


def test_at_render_a_quotation_that_was_changed_on_its_way_is_left_out(
    content: EditionContent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    honest = wording.quote_story
    monkeypatch.setattr(wording, "quote_story", lambda story: honest(story).replace("concerns", "complaints"))
    with caplog.at_level(logging.ERROR):
        text = render(content).text
    assert "complaints about" not in text
    changed = [story.id for story in content.stories if "concerns" in honest(story)]
    assert changed
    assert all(any(f"article {number}: a quotation is not" in line for line in caplog.messages) for number in changed)
