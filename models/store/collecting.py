"""Queries of a collecting run: what is known, what is due, and how a batch of read entries is stored."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, insert
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from models.outcomes import TextStatus
from models.store.tables import Article, ArticleAlias, FetchEvent, HostState, Run, SourceState, Story, UtcDateTime

EventRow = dict[str, Any]  # the columns of a `FetchEvent`

CHUNK = 500  # addresses in one query; SQLite allows 999 variables in old builds
MAX_ATTEMPTS = 3  # at reading a page that failed
RETRY_DAYS = 3  # for which a failed page is tried again


def start_run(flow: str, now: datetime, *, session: Session) -> int:
    """A new run; returns its id."""
    run = Run(flow=flow, started_at=now)
    session.add(run)
    session.flush()
    assert run.id is not None  # set by the flush
    return run.id


def finish_run(run_id: int, now: datetime, outcomes: dict[str, dict[str, int]], *, session: Session) -> None:
    """Record what became of every entry of a run: {source: {outcome: count}}."""
    run = session.get_one(Run, run_id)
    run.finished_at = now
    run.outcomes = outcomes
    run.entries = sum(sum(counts.values()) for counts in outcomes.values())
    session.add(run)


def source_states(*, session: Session) -> dict[str, SourceState]:
    """What is remembered of every source, by id."""
    return {state.source: state for state in session.exec(select(SourceState))}


def host_states(*, session: Session) -> dict[str, HostState]:
    """What is remembered of every host, by host."""
    return {state.host: state for state in session.exec(select(HostState))}


def known_urls(urls: Collection[str], *, session: Session) -> set[str]:
    """Those of the normalised addresses that are stored already, as an article's own or as another one of it."""
    wanted = list(urls)
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        found.update(session.exec(select(Article.url).where(col(Article.url).in_(chunk))))
        found.update(session.exec(select(ArticleAlias.url).where(col(ArticleAlias.url).in_(chunk))))
    return found


def failed_articles(now: datetime, sources: Collection[str], *, session: Session) -> Sequence[Article]:
    """Articles whose page failed and may be tried again."""
    query = select(Article).where(
        Article.text_status == TextStatus.FAILED,
        Article.attempts < MAX_ATTEMPTS,
        Article.first_seen_at >= now - timedelta(days=RETRY_DAYS),
        col(Article.source).in_(list(sources)),
    )
    return session.exec(query).all()


class RecentArticle(NamedTuple):
    """What folding copies needs of a stored article."""

    article_id: int
    story_id: int
    outlet: str
    title: str
    seen_at: datetime  # published, else first seen
    fingerprint: bytes | None


def recent_articles(since: datetime, *, session: Session) -> Iterator[RecentArticle]:
    """The articles first seen since then, in that order."""
    article = Article.__table__.c  # type: ignore[attr-defined]
    query = (
        select_columns(
            article.id,
            article.story_id,
            article.outlet,
            article.title,
            func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime()),
            article.fingerprint,
        )
        .where(article.first_seen_at >= since, article.story_id.is_not(None))
        .order_by(article.first_seen_at, article.id)
        .execution_options(yield_per=1000)
    )
    return (RecentArticle(*row) for row in session.execute(query))


def article_text(article_id: int, *, session: Session) -> str:
    """The text of an article; empty where it was never had or has been purged."""
    return session.exec(select(Article.text).where(Article.id == article_id)).one_or_none() or ""


def article_id_of(url: str, *, session: Session) -> int | None:
    """The article with this normalised address, if it is stored."""
    return session.exec(select(Article.id).where(Article.url == url)).one_or_none()


def article_ids_of(urls: Collection[str], *, session: Session) -> dict[str, int]:
    """The articles that are stored under these normalised addresses: {address: article id}."""
    wanted, found = list(urls), dict[str, int]()
    article = Article.__table__.c  # type: ignore[attr-defined]
    for start in range(0, len(wanted), CHUNK):
        query = select_columns(article.url, article.id).where(article.url.in_(wanted[start : start + CHUNK]))
        found.update((url, article_id) for url, article_id in session.execute(query))
    return found


def add_article(article: Article, *, session: Session) -> None:
    """Store an article, new or read again; one without `story_id` leads a story of its own."""
    story = None
    if article.story_id is None:
        story = Story(first_seen_at=article.first_seen_at)
        session.add(story)
        session.flush()
        article.story_id = story.id
    session.add(article)
    session.flush()
    if story is not None:
        story.lead_article_id = article.id  # written with those of the whole batch


def add_alias(url: str, article_id: int, *, session: Session) -> None:
    """Remember that an address leads to an article, so that it is not fetched again."""
    if session.get(ArticleAlias, url) is None:
        session.add(ArticleAlias(url=url, article_id=article_id))
        session.flush()


def add_events(events: Iterable[EventRow], *, session: Session) -> None:
    """Keep the log of requests."""
    if rows := list(events):
        session.execute(insert(FetchEvent), rows)


def count_outlets(story_ids: Collection[int], *, session: Session) -> None:
    """Bring the number of outlets of these stories up to date."""
    ids = list(story_ids)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        counts = session.exec(
            select(Article.story_id, func.count(func.distinct(Article.outlet)))
            .where(col(Article.story_id).in_(chunk))
            .group_by(col(Article.story_id))
        ).all()
        by_story = dict(counts)
        for story in session.exec(select(Story).where(col(Story.id).in_(chunk))):
            outlets = by_story.get(story.id, 1)
            if story.outlets != outlets:
                story.outlets = outlets
                session.add(story)
