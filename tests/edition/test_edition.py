"""In which order and under which heading an edition holds its stories, and for whom."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from flows.publishing.layout import view_edition
from models.edition import wording
from models.edition.choosing import choose_leads, empty_for, for_recipient
from models.edition.compose import compose, rank
from models.edition.content import Basis, GapKind, Selection, content_from_json
from models.edition.facts import NOT_MEASURED, describe_model
from models.store.database import Database
from models.store.editions import gather_week
from models.store.source_snapshots import record_sources
from models.store.tables import Article
from models.text_safety import plain_line, web_address
from models.themes import theme_ids
from models.weeks import Week
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import BOARD, CARE, HARBOUR, WEEK, add, edition, titles


def test_the_order_is_by_rank_whatever_the_order_of_the_facts(sqlite: Database) -> None:
    with sqlite.write() as session:
        for number in range(4):
            add(session, f"equal {number}")
        add(session, "many outlets", copies=[HARBOUR, CARE, BOARD])
        add(
            session,
            "many themes",
            themes=[("workforce", "x", 0.8), ("appraisal", "y", 0.8), ("patient-care", "z", 0.8)],
        )
    with sqlite.read() as session:
        facts = gather_week(WEEK, session=session)
    orders = {
        tuple(titles(compose(replace(facts, stories=order), fakes.REGISTRY, fakes.THEMES, fakes.MONDAY_7)))
        for order in permutations(facts.stories)
    }
    (order,) = orders
    assert order[:2] == ("many themes", "many outlets")


def test_the_rank_weighs_themes_outlets_freshness_and_source(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session)
    (item,) = edition(sqlite).stories

    def score(
        story: object = item, *, weight: float = 1.0, at: datetime = WEEK.end, rising: tuple[str, ...] = ()
    ) -> float:
        return rank(story, weight=weight, week_end=WEEK.end, at=at, rising=rising)  # type: ignore[arg-type]

    assert score() == pytest.approx(0.8 + 0.6)
    assert score(replace(item, outlets=4)) == pytest.approx(score() + 1.2)
    assert score(at=WEEK.start) == pytest.approx(score() - 0.6)
    assert score(rising=("workforce",)) == pytest.approx(score() + 0.5)
    assert score(replace(item, basis=Basis.HEADLINE)) == pytest.approx(score() - 0.4)
    assert score(weight=2.0) == pytest.approx(2 * score())


def test_the_lead_has_five_and_no_more_than_two_of_one_theme(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=1)
    content = edition(sqlite)
    top = choose_leads(content)
    assert len(top) == 5
    assert max([story.primary for story in top].count(story.primary) for story in top) <= 2
    assert top[0] == content.stories[0]


def test_the_lead_is_filled_from_one_theme_where_no_other_is_left(sqlite: Database) -> None:
    with sqlite.write() as session:
        for number in range(6):
            add(session, f"On work {number}", themes=[("workforce", "x", 0.99 - number / 100)])
        add(session, "On appraisal", themes=[("appraisal", "y", 0.5)])
        add(session, "On none", themes=())
    top = [story.title for story in choose_leads(edition(sqlite))]
    assert top == ["On work 0", "On work 1", "On appraisal", "On work 2", "On work 3"]


def test_every_story_stands_once_in_full_and_is_pointed_to_from_its_other_themes(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=1)
    content = edition(sqlite)
    layout = view_edition(content)
    placed = [story.id for section in layout.sections for story in section.stories]
    assert sorted(placed) == sorted(story.id for story in content.stories)
    told = {story.id: story for story in content.stories}
    for section in (*layout.sections, *layout.elsewhere):
        assert {told[story.id].primary for story in section.stories} <= {section.anchor}
        here = {story.id for story in section.stories} | {link.id for link in section.also}
        carrying = {story.id for story in content.stories if section.anchor in {tag.theme for tag in story.themes}}
        assert here == carrying or len(section.also) == 12
        assert section.count == len(carrying) == len(here) + section.more_also
    assert all(not section.stories for section in layout.elsewhere)
    ranks = [content.stories.index(told[section.stories[0].id]) for section in layout.sections]
    assert ranks == sorted(ranks)


def test_themes_without_stories_share_one_line(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, "Two themes", themes=[("workforce", "People leave.", 0.9), ("appraisal", "A form.", 0.7)])
    layout = view_edition(edition(sqlite))
    assert [section.anchor for section in layout.sections] == ["workforce"]
    assert [(section.anchor, [link.title for link in section.also]) for section in layout.elsewhere] == [
        ("appraisal", ["Two themes"])
    ]
    assert layout.empty.startswith("Nothing this week on: Bullying and discrimination; Blame and accountability; ")
    assert layout.empty.count(";") == 12
    assert not {"Workforce", "Appraisal"} & set(re.split(r"[;:] ?", layout.empty))


def test_a_story_under_none_of_the_themes_is_not_lost(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, "of no theme", themes=[])
    layout = view_edition(edition(sqlite))
    assert [(section.anchor, [one.title for one in section.stories]) for section in layout.sections] == [
        ("others", ["of no theme"])
    ]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), {"scots", "welsh", "care"}),
        (Selection(nations=("scotland",)), {"scots", "care"}),  # UK-wide news is for everyone
        (Selection(sectors=("social-care",)), {"care"}),
        (Selection(themes=("appraisal",)), {"welsh"}),
        (Selection(themes=("appraisal", "workforce"), nations=("wales",)), {"welsh", "care"}),
    ],
)
def test_each_recipient_gets_what_they_chose(sqlite: Database, selection: Selection, expected: set[str]) -> None:
    by_id = {source.id: source for source in fakes.SOURCES}
    with sqlite.write() as session:
        add(session, "scots", source=by_id["northern-chronicle"])
        add(
            session,
            "welsh",
            source=by_id["cambrian-news-desk"],
            themes=[("workforce", "x", 0.9), ("appraisal", "A form nobody reads.", 0.6)],
        )
        add(session, "care", source=by_id["care-weekly"])
    narrowed = for_recipient(edition(sqlite), selection)
    assert narrowed is not None
    assert set(titles(narrowed)) == expected
    if selection.themes:
        assert [theme.id for theme in narrowed.themes] == [t for t in theme_ids() if t in selection.themes]
        assert all(story.primary in selection.themes for story in narrowed.stories)


def test_nothing_for_someone_is_none_and_can_be_an_empty_edition(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session)
    content = edition(sqlite)
    nothing = Selection(themes=("appraisal",))
    assert for_recipient(content, nothing) is None
    assert empty_for(content, nothing).stories == ()
    assert for_recipient(replace(content, stories=()), Selection()) is None


def test_an_edition_comes_back_from_json_as_it_was(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=6)
    content = edition(sqlite)
    assert content_from_json(content.to_json()) == content


def test_what_could_not_be_seen_is_named_with_its_reason(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=1)
    gaps = {gap.name: gap for gap in edition(sqlite).gaps}
    assert {name: gap.kind for name, gap in gaps.items()} == {
        "Lough Herald": GapKind.FAILED,
        "Harbour Post": GapKind.BLOCKED,
        "Borough Bulletin": GapKind.SILENT,
    }
    assert gaps["Lough Herald"].reason == "HTTP 503"
    assert gaps["Lough Herald"].since is not None


def test_a_source_that_was_never_read_is_named(sqlite: Database) -> None:
    with sqlite.write() as session:
        record_sources(fakes.REGISTRY, fakes.SATURDAY, session=session)
    assert {gap.kind for gap in edition(sqlite).gaps} == {GapKind.NEVER}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("https://exa mple.org", False),
        ("https://example.org/\r\nBcc: x", False),
        ("https://example.org/\u202egpj", False),
        ("https://[bad", False),
        ("", False),
    ],
)
def test_links_are_web_addresses_or_nothing(given: str, kept: bool) -> None:
    assert web_address(given) == (given if kept else "")


def test_a_line_is_one_line_without_tricks() -> None:
    assert plain_line("a\r\nb\tc\u2028d\x00e\u202ef\ud800g") == "a b c defg"
    assert plain_line("one two three four", 12) == "one two …"
    assert len(plain_line("x" * 5000, 200)) == 200


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("People leave.", "People leave."),
        ("that every concern is acknowledged;", "… that every concern is acknowledged"),
        ("“Nobody listened.”", "Nobody listened."),
        ("“Nobody listened,” she said, “ever.”", "‘Nobody listened,’ she said, ‘ever.’"),
        ("A STORY", ""),  # the headline again
    ],
)
def test_a_quotation_stands_between_the_editions_own_marks(sqlite: Database, sentence: str, shown: str) -> None:
    with sqlite.write() as session:
        add(session, themes=[("workforce", sentence, 0.9)])
    (story,) = edition(sqlite).stories
    assert wording.quote_story(story) == shown


def test_what_the_tagger_read_is_said(sqlite: Database) -> None:
    with sqlite.write() as session:
        for status in ("full", "teaser", "paywalled", "headline", "failed"):
            add(session, status, status=status, themes=[("workforce", "People leave.", 0.8)])
        add(session, "bare", status="headline", themes=[("workforce", "bare", 0.8)])
    read = {story.title: story.basis for story in edition(sqlite).stories}
    assert read == {
        "full": Basis.TEXT,
        "teaser": Basis.OPENING,
        "paywalled": Basis.SUMMARY,
        "headline": Basis.SUMMARY,
        "failed": Basis.SUMMARY,
        "bare": Basis.HEADLINE,
    }


def test_the_model_and_its_measured_quality_are_named(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=2)
    note = edition(sqlite).model
    assert (note.version, note.mixed) == ("v1", False)
    assert "91% of the articles it puts in scope belong there, and it finds 84%" in note.quality
    assert describe_model("v2", {}).quality == NOT_MEASURED
    assert describe_model("v2", {"scores": fakes.model_version().scores}).quality == note.quality
    with sqlite.write() as session:
        row = session.get_one(Article, 1)
        row.model_version = "v0"
        session.add(row)
    assert edition(sqlite).model.mixed


def test_dates_name_month_and_year_once() -> None:
    assert Week(2026, 47).dates == "16 to 22 November 2026"
    assert Week(2026, 49).dates == "30 November to 6 December 2026"
    assert Week(2026, 53).dates == "28 December 2026 to 3 January 2027"


def test_composing_is_pure(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=3)
    assert edition(sqlite) == edition(sqlite)
    assert edition(sqlite).composed_at == datetime(2026, 11, 23, 7, tzinfo=UTC)
