"""Storing what a backfill read: by the writer of ordinary runs, the earlier capture stays, and no story before the folding."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from flows.collecting.article_writer import ArticleWriter
from models.admission import ReadEntry
from models.folding import cluster_unassigned
from models.outcomes import Outcome
from models.sources import load_registry
from models.store import collecting
from models.store.database import Database, open_database
from models.store.tables import Article, ArticleAlias, FetchEvent, Story
from tests.collecting.test_storing import WIRE, Reading

HOUR = timedelta(hours=1)


@pytest.fixture
def reading(now: datetime) -> Reading:
    return Reading(load_registry(None), now)


@pytest.fixture
def writer(database: Database, now: datetime) -> ArticleWriter:
    with database.write() as session:
        return ArticleWriter(database, collecting.start_run("backfill", now, session=session), now)


def seen(read: ReadEntry, at: datetime) -> ReadEntry:
    return replace(read, candidate=replace(read.candidate, seen_at=at))


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
@pytest.mark.parametrize("at_once", [True, False], ids=["after the first in one batch", "one by one"])
def test_of_several_captures_the_earliest_stays(
    database: Database, writer: ArticleWriter, reading: Reading, now: datetime, order: tuple[int, ...], *, at_once: bool
) -> None:
    captures = [seen(reading.of("story", f"{WIRE} As of hour {n}."), now - 9 * HOUR + n * HOUR) for n in order]
    batches = [captures[:1], captures[1:]] if at_once else [[one] for one in captures]
    for batch in batches:
        writer.store(batch)
    with database.read() as session:
        (article,) = session.exec(select(Article)).all()
    assert (article.text or "").endswith("As of hour 1.")
    assert (article.first_seen_at, article.backfilled, article.story_id) == (now - 8 * HOUR, True, None)


def test_the_past_is_folded_once_all_is_stored_and_its_requests_are_logged(
    database: Database, writer: ArticleWriter, reading: Reading, now: datetime
) -> None:
    later = seen(reading.of("wire", WIRE, outlet=1, canonical="https://other.example/wire"), now - 2 * HOUR)
    first = seen(reading.of("report", WIRE), now - 3 * HOUR)
    missing = seen(reading.of("gone", outcome=Outcome.FAILED), now - HOUR)
    assert writer.store([later, first, missing]) == [Outcome.NEW, Outcome.NEW, Outcome.FAILED]
    assert cluster_unassigned(database).copies == 1
    with database.read() as session:
        articles = {article.outcome: article for article in session.exec(select(Article))}
        (story,) = session.exec(select(Story)).all()
        assert [alias.url for alias in session.exec(select(ArticleAlias))] == [later.candidate.entry.url]
        assert len(session.exec(select(FetchEvent)).all()) == 3
    assert story.lead_article_id is not None
    assert articles[Outcome.COPY].story_id == articles[Outcome.NEW].story_id == story.id
    assert story.outlets == 2


def test_a_page_that_changes_before_the_past_is_folded_keeps_waiting_for_its_story(
    database: Database, writer: ArticleWriter, reading: Reading, now: datetime
) -> None:
    writer.store([seen(reading.of("story", WIRE), now - HOUR)])
    with database.read() as session:
        (article,) = session.exec(select(Article)).all()
    again = reading.of("story", WIRE.replace("rota", "roster"), article_id=article.id)
    again = replace(again, candidate=replace(again.candidate, recheck=True))
    assert writer.store([again]) == [Outcome.UPDATED]
    with database.read() as session:
        assert [one.story_id for one in session.exec(select(Article))] == [None]
    assert cluster_unassigned(database).articles == 1
    with database.read() as session:
        (article,) = session.exec(select(Article)).all()
    assert article.story_id is not None
    assert "roster" in (article.text or "")


def test_two_that_fold_the_past_at_once_give_each_article_one_story(
    database_address: str, reading: Reading, now: datetime
) -> None:
    """Two machines that backfill: each article led two stories, and no run could tag from then on."""
    with ExitStack() as stack:
        machines = [stack.enter_context(open_database(database_address)) for _ in range(3)]
        with machines[0].write() as session:
            writer = ArticleWriter(machines[0], collecting.start_run("backfill", now, session=session), now)
        pages = [seen(reading.of(f"story-{n}", f"{n} {WIRE}{n}"), now - 40 * n * HOUR) for n in range(1, 31)]
        writer.store(pages)
        with ThreadPoolExecutor(len(machines)) as threads:
            folded = list(threads.map(cluster_unassigned, machines))
        assert sorted(one.articles for one in folded) == [0, 0, 30]
        with machines[0].read() as session:
            stories = session.exec(select(Story)).all()
            articles = session.exec(select(Article)).all()
    assert {story.id for story in stories} == {article.story_id for article in articles}
    assert len({story.lead_article_id for story in stories}) == len(stories)
