"""Which stories belong to a week, and what people said of them."""

from datetime import timedelta

import pytest

from models.store.database import Database
from models.store.editions import save_edition
from models.store.tables import Tag
from models.weeks import Week
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import BOARD, CARE, HARBOUR, MIDWEEK, WEEK, add, edition, say, titles


def test_a_week_runs_from_monday_to_monday_in_london(database: Database) -> None:
    with database.write() as session:
        add(session, "first moment", WEEK.start)
        add(session, "last moment", WEEK.end - timedelta(seconds=1))
        add(session, "too early", WEEK.start - timedelta(seconds=1))
        add(session, "too late", WEEK.end)
    assert set(titles(edition(database))) == {"first moment", "last moment"}


@pytest.mark.parametrize(
    ("week", "hours"), [(Week(2026, 13), 7 * 24 - 1), (Week(2026, 43), 7 * 24 + 1)], ids=["spring", "autumn"]
)
def test_the_weeks_in_which_the_clocks_change(database: Database, week: Week, hours: int) -> None:
    assert week.end - week.start == timedelta(hours=hours)
    with database.write() as session:
        add(session, "sunday night", week.end - timedelta(minutes=1))
        add(session, "monday", week.end)
    assert titles(edition(database, week.end, week)) == ["sunday night"]


def test_only_what_is_in_scope_and_tagged_yes(database: Database) -> None:
    with database.write() as session:
        add(session, "in")
        add(session, "unsure", scope="uncertain")
        add(session, "out", scope="no")
        story = add(session, "weak")
        session.add(Tag(article_id=story.id or 0, theme="appraisal", score=0.4, state="uncertain", model_version="v1"))
    content = edition(database)
    assert set(titles(content)) == {"in", "weak"}
    assert all([theme.theme for theme in story.themes] == ["workforce"] for story in content.stories)


def test_a_persons_latest_word_beats_the_model(database: Database) -> None:
    with database.write() as session:
        out = add(session, "was in scope")
        inn = add(session, "was out of scope", scope="no")
        theme = add(session, "wrong theme", themes=[("workforce", "People leave.", 0.9), ("appraisal", "A form.", 0.7)])
        say(session, out, "in-scope", False)
        say(session, inn, "in-scope", False, MIDWEEK)
        say(session, inn, "in-scope", True, MIDWEEK + timedelta(hours=1))
        say(session, theme, "workforce", False)
        say(session, theme, "speaking-up", True)
    content = edition(database)
    assert set(titles(content)) == {"was out of scope", "wrong theme"}
    story = next(story for story in content.stories if story.title == "wrong theme")
    assert [(theme.theme, theme.by_person) for theme in story.themes] == [("speaking-up", True), ("appraisal", False)]
    by_theme = {trend.theme: trend.now for trend in content.trends}
    assert (by_theme["workforce"], by_theme["speaking-up"], by_theme["appraisal"]) == (1, 1, 1)


def test_copies_are_one_story_in_the_week_of_the_first(database: Database) -> None:
    with database.write() as session:
        lead = add(session, "Wire story", WEEK.end - timedelta(hours=1), copies=[HARBOUR, CARE])
    content = edition(database)
    (story,) = content.stories
    assert (story.id, story.outlets) == (lead.id, 3)
    assert [copy.outlet for copy in story.copies] == ["Harbour Post", "Care Weekly"]
    later = edition(database, fakes.MONDAY_7 + timedelta(days=7), WEEK.plus(1))
    assert later.stories == ()


def test_each_story_counts_once_in_the_trends(database: Database) -> None:
    with database.write() as session:
        add(session, "Wire story", copies=[HARBOUR, CARE, BOARD])
        add(session, "Lone story")
    (workforce,) = [trend for trend in edition(database).trends if trend.theme == "workforce"]
    assert (workforce.now, workforce.outlets) == (2, 4)


def test_what_was_found_after_the_last_edition_comes_in_the_next(database: Database) -> None:
    with database.write() as session:
        add(session, "in time", WEEK.start, first_seen_at=WEEK.start)
    monday = WEEK.end + timedelta(hours=7)
    content = edition(database, monday)
    with database.write() as session:
        kept = save_edition(content, subject="", html="", text="", session=session)
        kept.sealed = True
        session.add(kept)
        add(session, "late", WEEK.end - timedelta(hours=1), first_seen_at=monday + timedelta(hours=2))
    after = edition(database, monday + timedelta(days=7), WEEK.plus(1))
    assert [(story.title, story.late) for story in after.stories] == [("late", True)]
    assert sum(trend.now for trend in after.trends) == 0  # it counts in its own week


def test_dates_unknown_fall_to_when_it_was_first_seen(database: Database) -> None:
    with database.write() as session:
        story = add(session, "undated", MIDWEEK)
        story.published_at, story.first_seen_at = None, MIDWEEK
        session.add(story)
    (item,) = edition(database).stories
    assert (item.day, item.day_is_published) == (MIDWEEK.date(), False)
