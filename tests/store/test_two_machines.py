"""Two machines that write the same at one moment, on both databases: one waits."""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, select

from models.store import backfill, recipients, search
from models.store.database import Database
from models.store.recipients import RecipientError
from models.store.search import Wanted, find, read_words
from models.store.tables import Article, Recipient, Tag
from models.store.tagging import store_taggings
from models.tagging.decisions import State, Tagging, ThemeTag
from models.weeks import utc_now
from tests.support.fakes_store import add_lead

A_MOMENT = 0.5  # seconds, in which the second comes as far as it can while the first is at work


@pytest.fixture
def stories(database: Database) -> list[int]:
    """Three stories, as yet without tags."""
    with database.write() as session:
        for number in range(3):
            add_lead(
                Article(
                    url=f"https://example.org/{number}", source="s", title=f"Quince {number}", first_seen_at=utc_now(),
                    text="Nurses at the trust were bullied.", text_status="full", outcome="new",
                ),
                session=session,
            )  # fmt: skip
        return [one or 0 for one in session.exec(select(Article.id)).all()]


def at_one_moment(
    database: Database, work: Callable[[Session], object], then: Callable[[Session], object] | None = None
) -> list[Exception]:
    """Do it twice, the second time (or something else then) while the first is not yet committed; how the second failed."""
    failed: list[Exception] = []

    def second() -> None:
        try:
            with database.write() as session:
                (then or work)(session)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            failed.append(error)

    other = threading.Thread(target=second)
    with database.write() as session:
        work(session)
        other.start()
        other.join(A_MOMENT)
    other.join()
    return failed


@pytest.mark.parametrize("tagged_before", [False, True])
def test_both_tag_the_same_stories(
    database: Database, stories: list[int], now: datetime, *, tagged_before: bool
) -> None:
    """As two runs do once a new model has taken over."""
    tagging = Tagging(0.9, State.YES, (ThemeTag("workforce", 0.8, State.YES, "People leave.", ()),), "m")
    if tagged_before:
        with database.write() as session:
            store_taggings([(number, tagging) for number in stories], session=session)
    assert not at_one_moment(
        database, lambda session: store_taggings([(one, tagging) for one in stories], session=session)
    )
    with database.read() as session:
        assert sorted(session.exec(select(Tag.article_id)).all()) == stories


def test_both_make_the_index_of_the_search_anew(database: Database, stories: list[int]) -> None:
    assert not at_one_moment(database, lambda session: search.rebuild(session=session))
    with database.read() as session:
        found = find(Wanted(words=read_words("quince"), everything=True), utc_now(), session=session)
    assert sorted(hit.article_id for hit in found.hits) == stories


def test_both_finish_one_part_of_the_past(database: Database, now: datetime) -> None:
    assert not at_one_moment(
        database,
        lambda session: backfill.finish_part("archive a", now, read=1, stored=1, outcomes={"new": 1}, session=session),
    )
    with database.read() as session:
        assert backfill.is_finished("archive a", session=session)


def test_who_is_erased_while_their_choice_is_changed_has_none(database: Database, now: datetime) -> None:
    with database.write() as session:
        recipients.add("ann@example.org", now, name="Ann", themes=["workforce"], session=session)
    failed = at_one_moment(
        database,
        lambda session: recipients.erase("ann@example.org", now, session=session),
        lambda session: recipients.change("ann@example.org", themes=["appraisal"], name="Ann", session=session),
    )
    assert [type(error) for error in failed] == [RecipientError]
    with database.read() as session:
        person = session.exec(select(Recipient)).one()
    assert (person.address, person.name, person.themes) == (None, "", [])
