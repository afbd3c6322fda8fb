"""Queries of what a listing meets and of pages to be visited again: owed ones, and those that may have changed."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from models.admission import Stored
from models.revisits import RECHECK_DAYS, RECHECK_HOURS
from models.store.collecting import CHUNK
from models.store.tables import Article, ArticleAlias
from models.tagging.decisions import State

_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # SQLite finds what is later by the index, but not what is merely "not null"
_article = Article.__table__.c  # type: ignore[attr-defined]
_alias = ArticleAlias.__table__.c  # type: ignore[attr-defined]


def stored_at(urls: Collection[str], *, session: Session) -> dict[str, Stored]:
    """What is stored under these normalised addresses, an article's own or another one of it."""
    columns: list[ColumnElement[Any]] = [
        _article.id,
        _article.source,
        _article.title,
        _article.summary,
        _article.listed_title,
        _article.listed_digest,
        _article.attempts,
        _article.first_seen_at,
        _article.page_owed_since,
        _article.page_checked_at,
        _article.page_given_up,
        _article.text.is_not(None),
        _article.outcome,
        _article.text_status,
    ]
    own = select_columns(_article.url, *columns)
    other = select_columns(_alias.url, *columns).join_from(ArticleAlias, Article, _alias.article_id == _article.id)
    wanted, found = list(urls), dict[str, Stored]()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for query in (other.where(_alias.url.in_(chunk)), own.where(_article.url.in_(chunk))):
            found.update((url, Stored(*rest)) for url, *rest in session.execute(query))
    return found


def owed_articles(
    now: datetime | None, sources: Collection[str] | None, limit: int, *, session: Session
) -> Sequence[Article]:
    """Articles whose page is owed and due (with `now` None: due or not), those that have waited longest first."""
    due = col(Article.page_due_at) > _EVER if now is None else col(Article.page_due_at) <= now
    query = select(Article).where(due, col(Article.page_owed_since).is_not(None))
    if sources is not None:
        query = query.where(col(Article.source).in_(list(sources)))
    return session.exec(query.order_by(col(Article.page_due_at), col(Article.id)).limit(limit)).all()


def articles_to_recheck(
    now: datetime, sources: Collection[str], limit: int, *, all_due: bool, session: Session
) -> Sequence[Article]:
    """Articles that were read and may have changed: where a listing says so, live pages, openings, and stories in scope.

    With `all_due` also those live pages and openings that are not due yet.
    """
    before = now - timedelta(hours=RECHECK_HOURS)
    live_or_hinted = col(Article.page_due_at).is_not(None) if all_due else col(Article.page_due_at) <= now
    in_scope = col(Article.scope_state).in_([State.YES.value, State.UNCERTAIN.value])
    query = (
        select(Article)
        .where(col(Article.first_seen_at) >= now - timedelta(days=RECHECK_DAYS), col(Article.page_checked_at) < now)
        .where(col(Article.page_owed_since).is_(None), col(Article.source).in_(list(sources)))
        .where(or_(live_or_hinted, in_scope & (col(Article.page_checked_at) < before)))
        # Stories of the edition first: a day with many openings, or a listing that calls all of it updated, delays none.
        .order_by(
            in_scope.is_not(True), col(Article.page_due_at).is_(None), col(Article.page_checked_at), col(Article.id)
        )
        .limit(limit)
    )
    return session.exec(query).all()


def count_owed(*, session: Session) -> int:
    """How many pages are owed."""
    query = select_columns(func.count()).where(_article.page_due_at > _EVER, _article.page_owed_since.is_not(None))
    return int(session.execute(query).scalar_one())
