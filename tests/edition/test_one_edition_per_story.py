"""Every story in scope is in exactly one edition, or it is on record why in none: whatever happens between two Mondays."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine
from sqlmodel import select

from models.store.database import Database, open_database
from models.store.editions import seal
from models.store.placing import PlacingError, weeks_told
from models.store.tables import Article, Edition
from models.tagging.decisions import State
from tests.store.test_migrations import fill, upgrade
from tests.support.fakes_composing import HARBOUR, add
from tests.support.fakes_desk import desk_on
from tests.support.fakes_web import Answer
from tests.support.fakes_weekly import Weekly, monday
from tests.support.fakes_weeks import SUNDAY, TUESDAY, W46, W47, W48, W49, weekly_with_news

__all__ = ["weekly_with_news"]  # a fixture


def test_a_page_owed_on_sunday_and_read_on_tuesday_is_in_the_next_edition_once(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        owed = add(session, "Owed", SUNDAY, scope=None)
    weekly.digest(W47)
    weekly.tag(owed, State.YES)  # its text came, and was tagged
    weekly.digest(W48)
    weekly.digest(W49)
    assert set(weekly.told(W47)) == {"Of 2026-W47"}
    story = weekly.told(W48)["Owed"]
    assert (story.late, story.day) == (True, SUNDAY.date())
    assert set(weekly.told(W49)) == {"Of 2026-W49"}
    assert weekly.placed()["Owed"] == "2026-W48"
    message = weekly.mailboxes.received()["reader@trust.example.org"][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Sun 22 Nov" in " ".join(message.split())
    assert "came after its week’s edition" in " ".join(message.split())
    workforce = next(trend for trend in weekly.edition(W48).trends if trend.theme == "workforce")
    assert workforce.counts[-2:] == (2, 1)  # the trends count it in its own week


def test_a_page_that_fails_on_sunday_and_opens_on_tuesday(
    database: Database, database_address: str, tmp_path: Path
) -> None:
    with desk_on(database, database_address, tmp_path) as desk:
        registry = desk.registry(desk.gazette())
        desk.web.pages["/a"], page = Answer(b"", 503), desk.web.pages["/a"]
        desk.run(registry, SUNDAY, State.NO)  # its headline says nothing of leadership
        desk.digest(W47, registry)
        desk.web.pages["/a"] = page
        desk.run(registry, TUESDAY)
        desk.digest(W48, registry)
        desk.digest(W49, registry)
        assert [len(desk.told(week)) for week in (W47, W48, W49)] == [0, 1, 0]
        assert desk.told(W48)["Trust board quits"].late


def test_a_story_that_a_person_puts_in_scope_after_its_week(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        recent = add(session, "Uncertain", SUNDAY, scope="uncertain")
        older = add(session, "Of three weeks ago", W46.start + timedelta(days=1), scope="uncertain")
        ancient = add(session, "Of last spring", W46.plus(-30).start, scope="uncertain")
    weekly.digest(W46)
    weekly.digest(W47)
    for article in (recent, older, ancient):
        weekly.review(article, in_scope=True, now=TUESDAY)
    weekly.digest(W48)
    weekly.digest(W49)
    assert set(weekly.told(W48)) == {"Of 2026-W48", "Uncertain", "Of three weeks ago"}
    assert set(weekly.told(W49)) == {"Of 2026-W49"}
    assert weekly.placed()["Of last spring"] == "before-first-edition"


def test_reviewed_out_and_in_again_after_the_edition_of_its_week(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        story = add(session, "In doubt", SUNDAY)
    weekly.review(story, in_scope=False, now=SUNDAY)
    weekly.digest(W47)
    assert weekly.placed()["In doubt"] == "left-out-by-a-person"
    weekly.review(story, in_scope=True, now=TUESDAY)
    weekly.digest(W48)
    assert weekly.told(W48)["In doubt"].late
    weekly.review(story, in_scope=False, now=TUESDAY + timedelta(days=7))
    weekly.review(story, in_scope=True, now=TUESDAY + timedelta(days=8))
    weekly.digest(W49)
    assert "In doubt" not in weekly.told(W49)
    assert weekly.placed()["In doubt"] == "2026-W48"


def test_a_story_that_another_model_takes_out_after_it_was_sent_stays_in_its_edition(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        story = add(session, "Told once", SUNDAY)
    first = weekly.digest(W47)
    weekly.tag(story, State.NO, "v2")
    again = weekly.digest(W47, now=TUESDAY)
    assert again.stories == first.stories == 2
    weekly.tag(story, State.YES, "v3")
    weekly.digest(W48)
    assert "Told once" in weekly.told(W47)
    assert "Told once" not in weekly.told(W48)


def test_a_story_that_another_model_brings_in_is_told_in_the_next_edition(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        story = add(session, "Overlooked", SUNDAY, scope="no")
    weekly.digest(W47)
    weekly.tag(story, State.YES, "v2")
    weekly.digest(W48)
    assert weekly.told(W48)["Overlooked"].late


def test_a_copy_that_comes_a_week_later_makes_no_news(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        story = add(session, "Wire", SUNDAY)
    weekly.digest(W47)
    with weekly.database.write() as session:
        copy = add(session, "Wire, reprinted", TUESDAY, source=HARBOUR)
        copy.story_id = story.story_id
        session.add(copy)
    weekly.digest(W48)
    weekly.digest(W49)
    assert set(weekly.told(W48)) == {"Of 2026-W48"}
    assert weekly.placed()["Wire, reprinted"] == "2026-W47"


def test_a_told_article_that_is_folded_into_another_story_takes_that_story_with_it(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        told = add(session, "Told alone", SUNDAY)
    weekly.digest(W47)
    with weekly.database.write() as session:  # its text was read late, and is that of a report of another outlet
        other = add(session, "The report itself", TUESDAY, source=HARBOUR)
        row = session.get_one(Article, told.id)
        row.story_id = other.story_id
        session.add(row)
    weekly.digest(W48)
    assert set(weekly.told(W48)) == {"Of 2026-W48"}


def test_articles_that_are_folded_while_an_edition_awaits_approval_keep_their_editions(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        told = add(session, "Told alone", SUNDAY)
    weekly.digest(W47)
    with weekly.database.write() as session:
        other = add(session, "The report itself", TUESDAY, source=HARBOUR)
    weekly.digest(W48, send=False)
    with weekly.database.write() as session:
        row = session.get_one(Article, told.id)
        row.story_id = other.story_id
        session.add(row)
        approved = session.exec(select(Edition).where(Edition.week == "2026-W48")).one()
        seal(approved, [], monday(W48), session=session)
    assert weekly.placed()["Told alone"] == "2026-W47"
    assert weekly.placed()["The report itself"] == "2026-W48"


def test_dry_runs_test_copies_and_previews_claim_nothing(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        late = add(session, "Late", SUNDAY, scope=None)
    weekly.digest(W47)
    weekly.tag(late, State.YES)
    friday = W48.end - timedelta(days=2)
    weekly.digest(W48, now=friday)  # a week that is not over: kept to look at
    weekly.digest(W48, dry_run=True)
    weekly.digest(W48, to="someone@example.org")
    weekly.digest(W48, send=False)
    assert weekly.placed().keys() == {"Of 2026-W46", "Of 2026-W47"}
    weekly.digest(W48)
    assert set(weekly.told(W48)) == {"Of 2026-W48", "Late"}


def test_two_previews_in_a_row_list_a_late_story_once(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        late = add(session, "Late", SUNDAY, scope=None)
    weekly.digest(W47, send=False)
    weekly.tag(late, State.YES)
    weekly.digest(W48, send=False)
    weekly.digest(W49, send=False)
    assert "Late" in weekly.told(W48)
    assert "Late" not in weekly.told(W49)
    assert weekly.placed() == {}


def test_what_comes_while_an_edition_awaits_approval_is_in_the_next(weekly: Weekly) -> None:
    weekly.digest(W47, send=False)
    with weekly.database.write() as session:
        add(session, "Came on Tuesday", SUNDAY, first_seen_at=TUESDAY)
    assert set(weekly.told(W47)) == {"Of 2026-W47"}
    weekly.digest(W48, send=False)
    assert set(weekly.told(W48)) == {"Of 2026-W48", "Came on Tuesday"}


def test_the_edition_of_a_missed_week_sent_after_the_next_one_repeats_nothing(weekly: Weekly) -> None:
    weekly.digest(W46)
    with weekly.database.write() as session:
        late = add(session, "Late", W46.end - timedelta(hours=1), scope=None)
    weekly.tag(late, State.YES)
    weekly.digest(W48)  # the machine was off on the Monday after week 47
    assert set(weekly.told(W48)) == {"Of 2026-W48", "Late"}
    assert weekly.placed()["Of 2026-W47"] == "edition-not-sent"
    weekly.digest(W47, now=monday(W48) + timedelta(days=1))
    assert set(weekly.told(W47)) == {"Of 2026-W47"}
    assert weekly.placed()["Of 2026-W47"] == "2026-W47"


def test_a_past_that_was_filled_in_is_news_for_no_edition(weekly: Weekly) -> None:
    weekly.digest(W47)
    with weekly.database.write() as session:
        filled = add(session, "Of the archive", SUNDAY, first_seen_at=SUNDAY)
        filled.backfilled = True
        session.add(filled)
    weekly.digest(W48)
    assert set(weekly.told(W48)) == {"Of 2026-W48"}
    assert weekly.placed()["Of the archive"] == "backfilled"
    workforce = next(trend for trend in weekly.edition(W48).trends if trend.theme == "workforce")
    assert workforce.counts[-2:] == (2, 1)


def test_what_was_sent_before_the_upgrade_is_not_told_again(database_address: str) -> None:
    engine = create_engine(database_address)
    upgrade(engine, "0001")
    fill(engine)  # one row in each table, the edition sealed
    with engine.begin() as link:
        content = {"stories": [{"id": 1, "title": "Trust board quits"}]}
        edition = Table("edition", MetaData(), autoload_with=engine)
        link.execute(edition.update().values(week="2026-W47", content=content))
    engine.dispose()
    with open_database(database_address) as opened, opened.read() as session:
        assert weeks_told([1, 2], session=session) == {1: "2026-W47"}


def test_a_stale_edition_that_lists_what_another_has_told_cannot_be_sealed(weekly: Weekly) -> None:
    weekly.digest(W47)
    weekly.digest(W48, send=False)
    with weekly.database.write() as session:
        row = session.exec(select(Edition).where(Edition.week == "2026-W48")).one()
        sent = session.exec(select(Edition).where(Edition.week == "2026-W47")).one()
        row.content = dict(sent.content)
        with pytest.raises(PlacingError, match="2026-W47"):
            seal(row, [], monday(W48), session=session)
