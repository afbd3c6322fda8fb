"""In which order and under which heading an edition holds its stories, and for whom."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from flows.publishing.view import view_edition
from models.edition import wording
from models.edition.compose import choose_leads, compose, empty_for, for_recipient, rank
from models.edition.content import Basis, GapKind, Selection, content_from_json
from models.edition.facts import NOT_MEASURED, describe_model
from models.links import web_address
from models.store.database import Database
from models.store.editions import gather_week
from models.store.source_snapshots import record_sources
from models.store.tables import Article
from models.text_safety import plain_line
from models.themes import theme_ids
from models.trends import Verdict
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


def test_findings_then_the_seven_recommendations_each_story_once(sqlite: Database) -> None:
    fakes.fill(sqlite, weeks=1)
    content = edition(sqlite)
    layout = view_edition(content)
    findings, recommendations = layout.groups
    assert [section.anchor for section in findings.sections] == [theme.id for theme in fakes.THEMES[:8]]
    assert [section.anchor for section in recommendations.sections] == [theme.id for theme in fakes.THEMES[8:]]
    placed = [story.id for group in layout.groups for section in group.sections for story in section.stories]
    placed += [story.id for story in (*layout.leads, *layout.others.stories)]
    assert sorted(placed) == sorted(story.id for story in content.stories)
    for group in layout.groups:
        for section in group.sections:
            assert {story.theme for story in (*section.stories, *section.above)} <= {section.name}
            assert section.count == len(section.stories) + len(section.above)


def test_a_story_under_none_of_the_themes_is_not_lost(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, "of no theme", themes=[])
    layout = view_edition(edition(sqlite))
    assert [story.title for story in layout.others.stories] == ["of no theme"]
    assert layout.leads == ()


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


def test_the_subject_says_the_most_important_thing(sqlite: Database) -> None:
    fakes.fill(sqlite)
    content = edition(sqlite)
    assert wording.write_subject(content).startswith(
        "Speaking up rises: 13 stories from 11 outlets · NHS Culture Monitor, week 47"
    )
    assert wording.write_subject(edition(sqlite, fakes.SATURDAY)).endswith("week 47 so far")
    calm = replace(content, trends=tuple(replace(trend, verdict=Verdict.USUAL) for trend in content.trends))
    assert (
        wording.write_subject(calm) == "36 stories from 11 outlets, most on speaking up · NHS Culture Monitor, week 47"
    )
    assert wording.write_subject(replace(content, stories=(), trends=())).startswith("No stories this week · ")


def test_the_brief_has_three_to_five_lines_that_carry_their_numbers(sqlite: Database) -> None:
    fakes.fill(sqlite)
    content = edition(sqlite)
    lines = wording.write_brief(content)
    assert lines[0] == "36 stories from 11 outlets, out of 110 articles collected from 11 sources."
    assert lines[1] == "Speaking up is rising: 13 stories from 11 outlets, usually 4 to 8."
    assert lines[-1].startswith("3 of 12 sources")
    assert 3 <= len(lines) <= 5
    calm = replace(content, trends=tuple(replace(trend, verdict=Verdict.USUAL) for trend in content.trends))
    assert "No theme rose or went quiet by more than chance would explain." in wording.write_brief(calm)
    assert "No theme has risen by more than chance would explain, so far." in wording.write_brief(
        replace(calm, complete=False)
    )


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


def test_what_stands_elsewhere_is_named_under_its_other_theme(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, "Two themes", themes=[("workforce", "People leave.", 0.9), ("appraisal", "A form.", 0.7)])
    content = edition(sqlite)
    said = {section.anchor: section.empty for group in view_edition(content).groups for section in group.sections}
    assert said["workforce"] == ""
    assert said["appraisal"] == "No items of its own this week. Under a stronger theme: Two themes."
    assert said["speaking-up"] == "No items this week."


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
