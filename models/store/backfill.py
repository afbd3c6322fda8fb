"""Queries of a backfill: which parts are done, what is stored already, and which articles wait for their story.

Several processes, on several machines, store at once and in any order; stories are found afterwards (`models.folding`).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from models.store.columns import UtcDateTime, chunks
from models.store.locks import lock_writers
from models.store.tables import Article, ArticleAlias, BackfillPart

_NEVER = datetime.min.replace(tzinfo=UTC)

_article = Article.__table__  # type: ignore[attr-defined]
_alias = ArticleAlias.__table__  # type: ignore[attr-defined]


def moment() -> Any:
    """When an article came out, as far as is known: the order in which history is folded into stories."""
    return func.coalesce(_article.c.published_at, _article.c.first_seen_at, type_=UtcDateTime())


def _waits() -> Any:
    """Of articles of the past: no story was found yet. Those that a run has listed today wait for their own run."""
    return _article.c.backfilled & _article.c.story_id.is_(None)


def is_finished(part: str, *, session: Session) -> bool:
    """Whether this part of a backfill is done."""
    return session.get(BackfillPart, part) is not None


def finish_part(
    part: str, now: datetime, *, read: int, stored: int, outcomes: Mapping[str, int], session: Session
) -> None:
    """Remember that a part is done, all its articles being stored."""
    lock_writers("collect", session=session)  # another machine may read the same archive
    session.merge(BackfillPart(part=part, finished_at=now, read=read, stored=stored, outcomes=dict(outcomes)))


def held(urls: Collection[str], *, session: Session) -> dict[str, datetime]:
    """Those addresses that are stored, each with the time before which another capture of it would still be wanted."""
    found: dict[str, datetime] = {}
    own = select(_article.c.url, _article.c.first_seen_at, _waits())
    other = select(_alias.c.url, _article.c.first_seen_at, _waits()).join_from(
        _alias, _article, _alias.c.article_id == _article.c.id
    )
    for chunk in chunks(list(urls)):
        for query in (own.where(_article.c.url.in_(chunk)), other.where(_alias.c.url.in_(chunk))):
            for url, first_seen_at, waits in session.execute(query):
                found[url] = first_seen_at if waits else _NEVER
    return found


def first_waiting(*, session: Session) -> datetime | None:
    """The moment of the earliest article that waits for its story; None where none does."""
    found: datetime | None = session.execute(select(func.min(moment())).where(_waits())).scalar()
    return found


def count_waiting(*, session: Session) -> int:
    """How many articles wait for their story."""
    query = select(func.count()).select_from(_article).where(_waits())
    return int(session.execute(query).scalar_one())


def between(start: datetime, end: datetime, *, waiting: bool, session: Session) -> Iterable[Any]:
    """Articles with a moment from `start` to before `end`, by moment and address: those that wait, or the others.

    Rows of id, story_id, outlet, title, url, moment, first_seen_at, fingerprint and outcome.
    """
    c = _article.c
    state = _waits() if waiting else c.story_id.is_not(None)
    dated = (c.published_at >= start) & (c.published_at < end)
    undated = c.published_at.is_(None) & (c.first_seen_at >= start) & (c.first_seen_at < end)
    said = [c.id, c.story_id, c.outlet, c.title, c.url]
    columns = [*said, moment().label("moment"), c.first_seen_at, c.fingerprint, c.outcome]
    query = select(*columns).where(state, dated | undated).order_by(moment(), c.url)
    return session.execute(query.execution_options(yield_per=200))
