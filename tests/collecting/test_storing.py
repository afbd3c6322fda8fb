"""Storing a batch: rows that name each other rightly, one article a page, copies told within a batch and across them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from flows.collecting.article_writer import ArticleWriter
from models.admission import Candidate, ReadEntry
from models.entries import Entry, Fetched, Page, Reply
from models.outcomes import Outcome, TextStatus
from models.rights import Rights
from models.sources import Registry, Source, load_registry
from models.store import collecting, tagging
from models.store.database import Database
from models.store.tables import Article, ArticleAlias, FetchEvent, Story
from models.tagging.decisions import State, Tagging

WIRE = "\n".join(
    f"The inquiry into the trust heard on day {day} that managers in ward {day * 7} had been told of the {name} and had not acted."
    for day, name in enumerate(
        ["rota", "noise", "letters", "vacancies", "complaints", "grievance", "audit", "survey"], 1
    )
)


@pytest.fixture
def registry() -> Registry:
    return load_registry(None)


@pytest.fixture
def writer(database: Database, now: datetime) -> ArticleWriter:
    return keeper_of(database, now)


def keeper_of(database: Database, now: datetime) -> ArticleWriter:
    with database.write() as session:
        run = collecting.start_run("collect", now, session=session)
    return ArticleWriter(database, run, now)


class Reading:
    """Makes read entries of two outlets."""

    def __init__(self, registry: Registry, now: datetime) -> None:
        self._registry = registry
        self._now = now

    def of(
        self,
        path: str,
        text: str | None = None,
        *,
        outlet: int = 0,
        outcome: Outcome = Outcome.NEW,
        canonical: str | None = None,
        article_id: int | None = None,
        title: str = "",
        hours_ago: int = 3,
    ) -> ReadEntry:
        source: Source = self._registry.sources[outlet]
        rights: Rights = self._registry.rights_of(source.id)
        url = f"https://{source.id}.example/{path}"
        entry = Entry(
            url=url,
            title=title or f"What was reported on {path}",
            published_at=self._now - timedelta(hours=hours_ago),
        )
        page = None
        if text is not None:
            page = Page(text=text, text_status=TextStatus.FULL, language="en", canonical_url=canonical)
        reply = Reply(url, Fetched.OK, self._now, 0.1, status=200, final_url=url, requests=1)
        return ReadEntry(
            Candidate(source, rights, entry, article_id, attempts=article_id is not None), outcome, page, reply
        )


@pytest.fixture
def reading(registry: Registry, now: datetime) -> Reading:
    return Reading(registry, now)


def facts(database: Database) -> dict[str, Any]:
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        stories = {story.id: story for story in session.exec(select(Story))}
        leads = {article.id: article.url for article in articles}
        return {
            article.url.rpartition("/")[2]: (
                article.outcome,
                leads[stories[article.story_id].lead_article_id or 0].rpartition("/")[2],
                stories[article.story_id].outlets,
            )
            for article in articles
        }


def test_every_article_leads_its_story_or_is_a_copy_within_the_batch_or_of_an_earlier_one(
    database: Database, writer: ArticleWriter, reading: Reading
) -> None:
    two = reading.of("two", WIRE, outlet=1, hours_ago=2)
    first = [reading.of("one", WIRE), reading.of("other", "Short."), two]
    assert writer.store(first) == [Outcome.NEW, Outcome.NEW, Outcome.COPY]
    three = reading.of("three", WIRE + "\nMore was said.", outlet=2, hours_ago=1)
    later = [three, reading.of("last", "Also short.")]
    assert writer.store(later) == [Outcome.COPY, Outcome.NEW]
    assert facts(database) == {
        "one": ("new", "one", 3),
        "two": ("copy", "one", 3),
        "three": ("copy", "one", 3),
        "other": ("new", "other", 1),
        "last": ("new", "last", 1),
    }
    with database.read() as session:
        assert len(session.exec(select(FetchEvent)).all()) == 5


def test_the_rows_of_two_programs_and_of_hand_made_rows_never_take_each_others_numbers(
    database: Database, writer: ArticleWriter, reading: Reading, now: datetime
) -> None:
    other = keeper_of(database, now)
    assert writer.store([reading.of("one", "One.")]) == [Outcome.NEW]
    with database.write() as session:
        session.add(Story(first_seen_at=now))  # by the database's own numbers
    assert other.store([reading.of("two", "Two."), reading.of("three", "Three.")]) == [Outcome.NEW] * 2
    with database.write() as session:
        session.add(Story(first_seen_at=now))
    assert writer.store([reading.of("four", "Four.")]) == [Outcome.NEW]
    with database.read() as session:
        assert len(session.exec(select(Story)).all()) == 6
    assert {lead for _, lead, _ in facts(database).values()} == {"one", "two", "three", "four"}


def test_two_entries_that_lead_to_one_page_are_one_article_with_two_addresses(
    database: Database, writer: ArticleWriter, reading: Reading
) -> None:
    page = "https://example.org/the-page"
    batch = [reading.of("a", "Text.", canonical=page), reading.of("b", "Text.", canonical=page)]
    assert writer.store(batch) == [Outcome.NEW, Outcome.KNOWN]
    assert writer.store([reading.of("c", "Text.", canonical=page), batch[1]]) == [Outcome.KNOWN] * 2
    with database.read() as session:
        assert [article.url for article in session.exec(select(Article))] == [page]
        aliases = [alias.url.rpartition("/")[2] for alias in session.exec(select(ArticleAlias))]
    assert sorted(aliases) == ["a", "b", "c"]


def test_a_page_that_is_read_again_changes_its_article_and_keeps_its_story(
    database: Database, writer: ArticleWriter, reading: Reading
) -> None:
    writer.store([reading.of("x", outcome=Outcome.FAILED), reading.of("y", "Text.")])
    with database.read() as session:
        failed = session.exec(select(Article).where(Article.text_status == TextStatus.FAILED)).one()
        assert failed.id is not None
    with database.write() as session:  # judged meanwhile, by its headline
        tagging.store_taggings([(failed.id, Tagging(0.1, State.NO, (), "m"))], session=session)
    assert writer.store([reading.of("x", WIRE, article_id=failed.id)]) == [Outcome.NEW]
    with database.read() as session:
        again = session.get_one(Article, failed.id)
        assert (again.story_id, again.url, again.first_seen_at) == (failed.story_id, failed.url, failed.first_seen_at)
        assert (again.text_status, again.text, again.attempts, again.outcome) == ("full", WIRE, 2, "new")
        assert failed.id in [article.id for article in tagging.untagged(10, session=session)]
    assert writer.store([reading.of("z", WIRE, outlet=1)]) == [Outcome.COPY]
    assert facts(database)["z"] == ("copy", "x", 2)


def test_what_is_left_for_a_later_run_is_stored_and_what_is_refused_is_not(
    database: Database, writer: ArticleWriter, reading: Reading
) -> None:
    left = [reading.of("later", outcome=Outcome.DEFERRED), reading.of("never", outcome=Outcome.REFUSED)]
    assert writer.store(left) == [Outcome.DEFERRED, Outcome.REFUSED]
    assert facts(database) == {"later": ("deferred", "later", 1)}
    with database.read() as session:
        (article,) = collecting.owed_articles(writer._now, None, 10, session=session)
    assert (article.text_status, article.attempts, article.page_given_up) == ("headline", 1, None)
    assert writer.store([]) == []
