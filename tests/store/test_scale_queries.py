"""Every query of a run and of the digest finds its rows by an index: none reads a table that grows from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from models.bulletins import BulletinItem
from models.edition.compose import compose
from models.rights import load_rights
from models.sources import Registry
from models.store import (
    audit,
    backfill,
    collecting,
    edits,
    events,
    reviews,
    short_mails,
    story_leads,
    tagging,
)
from models.store.comparing import compare
from models.store.database import Database, open_database
from models.store.placing import place_stories
from models.store.search import Wanted, by_period, facets, find, read_words, stories_of, story_of
from models.store.story_relations import continued_by
from models.store.tables import Article, Edition, FetchEvent, StoredEdit
from models.store.week_gathering import gather_week
from models.themes import load_themes
from models.weeks import Week
from tests.support.postgres import Postgres
from tests.support.synthetic_store import MODEL, fill, registry

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
ARTICLES = 20_000
GROWING = (
    "article",
    "story",
    "tag",
    "fetch_event",
    "article_alias",
    "review",
    "mention",
    "event_report",
    "audited_story",
    "told_story",
    "delivery",
)
WEEK = Week.of(NOW)
RECENT = NOW - timedelta(days=14)
URLS = [f"https://source-{n:03d}.example/news/{n}" for n in range(600)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Two years of articles in a database of each kind."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('scale') / 'culture.db'}"
        with open_database(address) as database:
            fill(database, articles=ARTICLES, days=730, now=NOW)
            yield database
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.new_database() as address, open_database(address) as database:
        fill(database, articles=ARTICLES, days=730, now=NOW)
        yield database


QUERIES: dict[str, Callable[[Session], Any]] = {
    "numbers of new rows": lambda session: collecting.reserve_ids(Article, 50, session=session),
    "articles by number": lambda session: collecting.articles_by_id(range(100, 150), session=session),
    "articles of addresses": lambda session: collecting.article_ids_of(URLS, session=session),
    "articles' texts": lambda session: collecting.article_texts([1, ARTICLES], session=session),
    "what is stored": lambda session: collecting.stored_at(URLS, session=session),
    "pages that are owed": lambda session: collecting.owed_articles(NOW, ["source-001"], 100, session=session),
    "how many are owed": lambda session: collecting.count_owed(session=session),
    "pages to look at again": lambda session: collecting.articles_to_recheck(
        NOW, ["source-001"], 10, all_due=False, session=session
    ),
    "articles to compare with": lambda session: list(collecting.recent_articles(RECENT, session=session)),
    "leads and outlets": lambda session: story_leads.settle_stories(range(19_900, 20_000), session=session),
    "stories that wait for tags": lambda session: tagging.untagged(64, session=session),
    "how many wait for tags": lambda session: tagging.count_untagged(session=session),
    "copies that wait for their scope": lambda session: tagging.copy_scope_to_duplicates(session=session),
    "stories of an older model": lambda session: tagging.tagged_by_other_version(MODEL, RECENT, 0, 64, session=session),
    "the facts of a week": lambda session: gather_week(WEEK, session=session),
    "what editors changed": lambda session: edited(session),
    "what a daily email tells": lambda session: short_mails.gather_news(NOW, session=session),
    "what readers were told": lambda session: short_mails.told(range(100, 900), session=session),
    "emails of today": lambda session: short_mails.opened_since(RECENT, session=session),
    "emails that wait": lambda session: short_mails.under_way(session=session),
    "what a story continues": lambda session: continued_by(ARTICLES, session=session),
    "what a bulletin has": lambda session: compare(
        [BulletinItem("Outlet"), *(BulletinItem("", url) for url in URLS)],
        *(WEEK, Registry(sources=(), rights=load_rights()), load_themes(), NOW),
        session=session,
    ),
    "the stories of a sent edition": lambda session: place_stories(sealed(session), NOW, session=session),
    "stories whose events are to be found": lambda session: events.place_waiting(NOW, session=session),
    "how many the queue asks about": lambda session: reviews.count_doubtful(RECENT, session=session),
    "the week's audit sample": lambda session: audit.draw_week(NOW, session=session),
    "what the audit asks, and what it says": lambda session: audit.describe(NOW, session=session),
    "stories of common words": lambda session: found(Wanted(words=read_words("trust -nothing")), session),
    "stories of a theme": lambda session: found(Wanted(theme="appraisal"), session),
    "stories of an outlet lately": lambda session: found(Wanted(outlet="Outlet 20"), session),
    "stories of a year": lambda session: found(Wanted(since=date(2026, 1, 1), until=date(2026, 11, 1)), session),
    "stories of a theme by month": lambda session: by_period(Wanted(theme="appraisal"), [RECENT, NOW], session=session),
    "a story": lambda session: story_of(ARTICLES, session=session),
    "addresses of the past": lambda session: backfill.held(URLS, session=session),
    "the past that waits": lambda session: backfill.first_waiting(session=session),
    "how much of the past waits": lambda session: backfill.count_waiting(session=session),
    "a fortnight of the past": lambda session: list(backfill.between(RECENT, NOW, waiting=False, session=session)),
    "a fortnight that waits": lambda session: list(backfill.between(RECENT, NOW, waiting=True, session=session)),
}


def found(wanted: Wanted, session: Session) -> None:
    """A search with all that its page shows."""
    hits = find(wanted, NOW, session=session).hits
    facets(hits, session=session)
    stories_of(hits[:20], session=session)


def sealed(session: Session) -> Edition:
    """An edition that tells two hundred stories, and has just been sealed."""
    stories = [{"id": number} for number in range(ARTICLES - 2000, ARTICLES, 10)]
    edition = Edition(week=str(WEEK.plus(-1)), composed_at=NOW, content={"stories": stories}, sealed=True)
    session.add(edition)
    session.flush()
    return edition


def edited(session: Session) -> None:
    """A story that is added from what is stored, one that is never collected and one that is left out, composed and sealed."""
    for kind, number, url in (
        ("add", 400, ""),
        ("add", None, "https://elsewhere.example/x"),
        ("leave-out", ARTICLES, ""),
    ):
        edit = StoredEdit(
            week=str(WEEK.plus(-2)), kind=kind, article_id=number, url=url, title="x", editor="Ada", at=NOW
        )
        session.add(edit)
    session.flush()
    assert len(edits.gather_edited(WEEK.plus(-2), session=session).archive) == 1
    edition = sealed(session)
    withheld = [{"articles": [ARTICLES], "by": "Ada"}]
    edition.content = {"stories": [{"id": -2, "url": URLS[0]}], "editing": {"withheld": withheld}}
    place_stories(edition, NOW, session=session)


@contextmanager
def listening(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The SELECT, UPDATE and DELETE statements that are sent meanwhile."""
    heard: list[tuple[str, Any]] = []

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if re.match(r"\s*(?:SELECT|WITH|UPDATE|DELETE)\b", statement) and not many:
            heard.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(database.engine, "before_cursor_execute", hear)


def reads_from_end_to_end(session: Session, statement: str, parameters: Any) -> list[str]:
    """The lines of the plan that read all of a growing table."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        return [line for *_, line in rows if re.match(rf"SCAN (?:{'|'.join(GROWING)})\b(?!.* USING )", line)]
    # With so few rows PostgreSQL would rather read them all: it is asked whether it could do otherwise.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
    return [line for (line,) in rows if re.search(rf"Seq Scan on (?:{'|'.join(GROWING)})\b", line)]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_its_rows_by_an_index(full: Database, name: str) -> None:
    with full.read() as session, listening(full) as heard:
        QUERIES[name](session)
        session.rollback()
    assert heard
    with full.read() as session:
        for statement, parameters in heard:
            found = reads_from_end_to_end(session, statement, parameters)
            assert not found, f"{found}\n{statement}"


def test_a_week_of_many_is_composed(full: Database) -> None:
    with full.read() as session:
        content = compose(gather_week(WEEK.plus(-1), session=session), registry(), load_themes(), NOW)
    assert len(content.stories) == pytest.approx(ARTICLES / 104 / 10, rel=0.35)
    assert len(content.trends) == 15


def test_the_check_itself_sees_a_table_that_is_read_from_end_to_end(full: Database) -> None:
    with full.read() as session:
        assert reads_from_end_to_end(session, "SELECT count(*) FROM article WHERE words = 3", ())
        assert not reads_from_end_to_end(session, "SELECT url FROM article WHERE id = 3", ())
    assert FetchEvent.__tablename__ in GROWING
