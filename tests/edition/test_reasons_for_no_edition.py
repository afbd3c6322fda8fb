"""Of every story in scope that no edition tells it is on record why."""

from datetime import timedelta

from sqlmodel import select

from models.store.tables import Article
from tests.support.fakes_composing import HARBOUR, add
from tests.support.fakes_weekly import Weekly
from tests.support.fakes_weeks import SUNDAY, TUESDAY, W46, W47, W48, W49, weekly_with_news

__all__ = ["weekly_with_news"]  # a fixture


def test_a_copy_of_a_story_whose_week_had_no_edition_shares_its_reason(weekly: Weekly) -> None:
    weekly.digest(W46)
    with weekly.database.write() as session:
        story = add(session, "Wire", SUNDAY)
        copy = add(session, "Wire, reprinted", TUESDAY, source=HARBOUR)
        copy.story_id = story.story_id
        session.add(copy)
    weekly.digest(W48)
    assert set(weekly.told(W48)) == {"Of 2026-W48"}
    assert weekly.placed()["Wire"] == weekly.placed()["Wire, reprinted"] == "edition-not-sent"


def test_every_story_in_scope_has_an_edition_or_a_reason(weekly: Weekly) -> None:
    with weekly.database.write() as session:
        for back in range(12):
            add(session, f"{back} weeks before", W47.plus(-back).start + timedelta(days=1))
        add(session, "Out of scope", SUNDAY, scope="no")
    for week in (W46, W47, W48):
        weekly.digest(week)
    with weekly.database.write() as session:  # a new source that lists what it had long before
        add(session, "Of a month before", W48.plus(-4).start, first_seen_at=W49.start)
        add(session, "Of the week of the first edition", W46.start, first_seen_at=W49.start)
    weekly.digest(W49)
    placed = weekly.placed()
    with weekly.database.read() as session:
        assert set(session.exec(select(Article.title))) - placed.keys() == {"Out of scope"}
    assert placed["5 weeks before"] == placed["Of a month before"] == "before-first-edition"
    assert placed["Of the week of the first edition"] == "too-old"
    assert placed["1 weeks before"] == "2026-W46"


def test_the_reason_of_a_week_without_an_edition_stays(weekly: Weekly) -> None:
    weekly.digest(W46)
    for week in (W48, W49, W49.plus(1), W49.plus(2), W49.plus(3)):
        weekly.digest(week)
    assert weekly.placed()["Of 2026-W47"] == "edition-not-sent"


def test_a_late_story_in_a_draft_that_was_never_sent_has_a_reason_and_may_still_be_told_by_it(weekly: Weekly) -> None:
    weekly.digest(W47)
    with weekly.database.write() as session:
        add(session, "Late", SUNDAY)
    weekly.digest(W48, send=False)  # edited on Monday, and then the machine was down
    weekly.digest(W49)
    assert set(weekly.told(W49)) == {"Of 2026-W49"}
    assert weekly.placed()["Late"] == weekly.placed()["Of 2026-W48"] == "edition-not-sent"
    weekly.digest(W48)
    assert weekly.placed()["Late"] == weekly.placed()["Of 2026-W48"] == "2026-W48"
